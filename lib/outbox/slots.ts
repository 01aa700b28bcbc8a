import { LateMap } from '../waiting/late-map.js'
import type { Sent } from './sent.js'

/** The messages that hold slots of `replaces`: of one connection, or of several that share them. */
export class Slots {
  readonly #holders = new LateMap<string, Sent>()

  /** The message of the slot is given up if it waits for admission. */
  freeOfWaiting(slot: string): void {
    const holder = this.#holders.get(slot)
    if (holder?.waiter !== undefined) holder.replace()
  }

  /** The slot is this message's from now on; the one before is given up for it, on whichever connection it is. */
  take(slot: string, sent: Sent): void {
    this.#holders.get(slot)?.replace()
    this.#holders.set(slot, sent)
  }

  /** A message has ended. */
  leave(slot: string, sent: Sent): void {
    if (this.#holders.get(slot) === sent) this.#holders.delete(slot)
  }
}
