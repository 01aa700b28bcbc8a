import { now } from './clock.js'
import type { ObjectId, SharedObject } from './objects.js'

/** Longer than a neighbour takes to connect, or to connect again. */
const HOLD_MS = 5_000
/** Both windows end a stay: the time, and this much memory. */
export const HOLD_BYTES = 32 * 1024 * 1024

/**
 * The objects that a node can still give to others, oldest first.
 *
 * Bounded: an object leaves after `HOLD_MS`, or when newer ones fill `HOLD_BYTES`, but never while it is still spreading.
 */
export class Held {
  readonly #objects = new Map<ObjectId, { readonly object: SharedObject; readonly since: number }>()
  #bytes = 0

  add(object: SharedObject, isSpreading: (id: ObjectId) => boolean): void {
    this.#objects.set(object.id, { object, since: now() })
    this.#bytes += object.bytes.length
    for (const [id, held] of this.#objects) {
      if (this.#bytes <= HOLD_BYTES && held.since + HOLD_MS > now()) break
      if (isSpreading(id)) continue
      this.#objects.delete(id)
      this.#bytes -= held.object.bytes.length
    }
  }

  snapshot(): SharedObject[] {
    return Array.from(this.#objects.values(), ({ object }) => object)
  }
}
