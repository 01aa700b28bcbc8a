import type { Clock, Timer } from '../waiting/clock.js'
import { LateMap } from '../waiting/late-map.js'
import type { Floor } from './floors.js'

/** Link from the connections below a floor to the peer, whose connections are of type `C`. */
export interface BelowFloorLink<C> {
  /** The floor that a connection is below, if there is one. */
  floorAbove(connection: C): Floor | undefined
  /** Whether it is the one of its family that is used. */
  isCurrent(connection: C): boolean
  /** Moves its family to the best version that there is, within so many milliseconds; `undefined`: this end can dial none. */
  move(connection: C, timeout: number): Promise<unknown> | undefined
  /** It has given way: it admits nothing more, and is over after so many milliseconds at most. */
  hasten(connection: C, limit: number): void
  /** It closes for the floor. */
  close(connection: C, floor: Floor): void
}

/** Live connections below a floor. Each has the floor's grace to move, or to deliver what it has where it moved already; then it ends. */
export class BelowFloor<C> {
  readonly #link: BelowFloorLink<C>
  readonly #clock: Clock
  readonly #ends = new LateMap<C, { readonly at: number; readonly timer: Timer }>()

  constructor(link: BelowFloorLink<C>, clock: Clock) {
    this.#link = link
    this.#clock = clock
  }

  /** Floors, or the connections that there are, have changed. */
  check(connections: Iterable<C>): void {
    for (const connection of connections) {
      const floor = this.#link.floorAbove(connection)
      if (floor === undefined) this.ended(connection)
      else this.#arm(connection, floor.grace)
    }
  }

  /** A connection is over. */
  ended(connection: C): void {
    this.#ends.get(connection)?.timer.cancel()
    this.#ends.delete(connection)
  }

  /** No connection is ended any more. */
  stop(): void {
    for (const { timer } of this.#ends.values()) timer.cancel()
    this.#ends.clear()
  }

  #arm(connection: C, grace: number): void {
    const at = this.#clock.now() + grace
    const known = this.#ends.get(connection)
    if (known !== undefined && known.at <= at) return
    known?.timer.cancel()
    this.#ends.set(connection, { at, timer: this.#clock.after(grace, () => void this.#end(connection)) })
  }

  /** The grace is over. A move that is as good as made goes before a close, which would take what the other end has under way. */
  async #end(connection: C): Promise<void> {
    if (this.#link.isCurrent(connection)) await this.#link.move(connection, LAST_MOVE)?.catch(() => undefined)
    const floor = this.#link.floorAbove(connection)
    if (floor === undefined || !this.#ends.has(connection)) return
    if (this.#link.isCurrent(connection)) this.#link.close(connection, floor)
    else this.#link.hasten(connection, LAST_WORDS)
  }
}

/** A dial that began when the floor was raised has had the whole grace before this. */
const LAST_MOVE = 1_000

/** As a close of an application by default. */
const LAST_WORDS = 5_000
