import { createHash, randomFillSync } from 'node:crypto'

export type Kind = 'bulk' | 'urgent'

/**
 * The SHA-256 of an object's bytes, as hex.
 *
 * Nothing on the wire claims an id: whoever receives bytes computes it. So two copies of one object are known to be one,
 * and a copy that somebody changed is another object, which nobody ever published.
 */
export type ObjectId = string

/** An object as a node holds it. `bytes` is the whole message, sent on as it came and never copied. */
export interface SharedObject {
  readonly id: ObjectId
  readonly kind: Kind
  /** When it was to be published, on the clock of `clock.ts`. */
  readonly due: number
  /** The priority it travels with; each node sends it on with the one it came with. */
  readonly priority: number
  readonly bytes: Uint8Array
}

/** The first byte of every message between two neighbours. */
export const Tag = { bulk: 0, urgent: 1, inventory: 2, have: 3, done: 4 } as const

/** Tag and due time. */
export const HEADER_BYTES = 1 + 8
const ID_BYTES = 32

/** A new object of `size` bytes: the header, then random bytes. */
export function createObject(kind: Kind, size: number, due: number, priority: number): SharedObject {
  const bytes = Buffer.allocUnsafe(size)
  bytes.writeUInt8(Tag[kind], 0)
  bytes.writeDoubleBE(due, 1)
  randomFillSync(bytes, HEADER_BYTES)
  return { id: hash(bytes), kind, due, priority, bytes }
}

/** What two neighbours say to each other. */
export type Frame =
  | { readonly type: 'object'; readonly object: SharedObject }
  /** Everything the sender holds, said once on each new connection. */
  | { readonly type: 'inventory'; readonly ids: readonly ObjectId[] }
  /** The sender has this object: no need to send it there. */
  | { readonly type: 'have'; readonly id: ObjectId }
  /** The sender has this object, and so has everybody it passed it on to. */
  | { readonly type: 'done'; readonly id: ObjectId }

/** Undefined when `bytes` is nothing that a node of this program would say. */
export function decode(bytes: Buffer, priority: number): Frame | undefined {
  switch (bytes[0]) {
    case Tag.bulk:
    case Tag.urgent: {
      if (bytes.length < HEADER_BYTES) return undefined
      const kind = bytes[0] === Tag.bulk ? 'bulk' : 'urgent'
      return { type: 'object', object: { id: hash(bytes), kind, due: bytes.readDoubleBE(1), priority, bytes } }
    }
    case Tag.inventory:
      return bytes.length % ID_BYTES === 1 ? { type: 'inventory', ids: decodeIds(bytes) } : undefined
    case Tag.have:
    case Tag.done: {
      const [id, ...more] = decodeIds(bytes)
      if (id === undefined || more.length > 0) return undefined
      return { type: bytes[0] === Tag.have ? 'have' : 'done', id }
    }
    default:
      return undefined
  }
}

/** A message of a tag and ids. */
export function encodeIds(tag: number, ids: Iterable<ObjectId>): Buffer {
  return Buffer.concat([Buffer.of(tag), ...Array.from(ids, (id) => Buffer.from(id, 'hex'))])
}

function decodeIds(bytes: Buffer): ObjectId[] {
  const ids: ObjectId[] = []
  for (let at = 1; at + ID_BYTES <= bytes.length; at += ID_BYTES) ids.push(bytes.toString('hex', at, at + ID_BYTES))
  return ids
}

function hash(bytes: Uint8Array): ObjectId {
  return createHash('sha256').update(bytes).digest('hex')
}
