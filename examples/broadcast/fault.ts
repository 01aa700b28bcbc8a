import { HEADER_BYTES, type SharedObject } from './objects.js'

/**
 * A node that is broken on purpose, to show that the check at the end notices.
 *
 * Both faults hit one object in eight, chosen by its id.
 */
export class Fault {
  readonly #kind: FaultKind | undefined

  constructor(kind: FaultKind | undefined) {
    this.#kind = kind
  }

  /** `drop`: the node says that it has the object, and has not. */
  loses(object: SharedObject): boolean {
    return this.#kind === 'drop' && isChosen(object)
  }

  /** `corrupt`: one bit changes on the way through the node. */
  alter(object: SharedObject): Uint8Array {
    if (this.#kind !== 'corrupt' || !isChosen(object)) return object.bytes
    const altered = Buffer.from(object.bytes)
    altered.writeUInt8(altered.readUInt8(HEADER_BYTES) ^ 1, HEADER_BYTES)
    return altered
  }
}

export const faultKinds = ['drop', 'corrupt'] as const
export type FaultKind = (typeof faultKinds)[number]

function isChosen(object: SharedObject): boolean {
  return Number.parseInt(object.id.slice(0, 2), 16) % 8 === 0
}
