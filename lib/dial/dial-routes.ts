import type { DriverClose } from '../driver.js'
import type { DialReceiver } from './dial.js'

/** The connections of a device that are not up yet, by the ids of its driver. */
export class DialRoutes {
  readonly #dials = new Map<number, DialReceiver[]>()
  /** Nobody waits for these any more; the driver has still to report their end. */
  readonly #cancelled = new Set<number>()

  /** Several dials may lead to one connection, which is up already and not yet told of. */
  add(id: number, receiver: DialReceiver): void {
    this.#dials.set(id, [...(this.#dials.get(id) ?? []), receiver])
  }

  /** The connection is up, or its end was told. */
  delete(id: number): void {
    this.#dials.delete(id)
    this.#cancelled.delete(id)
  }

  /**
   * A dial does not wait for the connection any more: if it comes up all the same, it is wanted only where the peer would lose
   * another one by it. A connection that a peer holds half made for ever keeps one of those that gave it up.
   */
  cancel(id: number, receiver?: DialReceiver): void {
    this.#cancelled.add(id)
    const all = this.#dials.get(id)
    if (all !== undefined && all.length > 1)
      this.#dials.set(
        id,
        all.filter((one) => one !== receiver),
      )
  }

  isCancelled(id: number): boolean {
    return this.#cancelled.has(id)
  }

  /** The driver reports the end. */
  closed(id: number, close: DriverClose): void {
    this.#cancelled.delete(id)
    for (const receiver of this.#dials.get(id) ?? []) receiver.closed(close)
  }
}
