import type { Clock, Timer } from '../waiting/clock.js'
import type { Families } from './families.js'

/** The oldest version of a family that is spoken, from an instant on. */
export interface Floor {
  /** The version; nothing older is offered or accepted. */
  readonly protocol: string
  /** Instant from which it holds, in milliseconds of the calendar's clock. */
  readonly from: number
  /** Milliseconds that live connections below it have to move, before they are closed. */
  readonly grace: number
}

/** Floors of a device, or towards one peer: of each family the one that holds, and the one that will. */
export class Floors {
  readonly #families: Families
  readonly #clock: Clock
  readonly #changed: () => void
  readonly #holding = new Map<string, Floor>()
  readonly #coming = new Map<string, Floor>()
  #timer: Timer | undefined

  /** `changed` is called when a floor begins to hold or holds no more. */
  constructor(families: Families, clock: Clock, changed: () => void) {
    this.#families = families
    this.#clock = clock
    this.#changed = changed
  }

  /** Sets the floor of its family. The one before holds until this one does. */
  set(floor: Floor): void {
    const family = this.#families.nameOf(floor.protocol)
    this.#coming.delete(family)
    if (floor.from <= this.#clock.date()) this.#holding.set(family, floor)
    else this.#coming.set(family, floor)
    this.#wait()
    if (!this.#coming.has(family)) this.#changed()
  }

  /** Takes away the floor of a family, and the one to come. */
  clear(family: string): void {
    this.#coming.delete(family)
    if (this.#holding.delete(family)) this.#changed()
    this.#wait()
  }

  /** The floor of a family that holds. */
  of(family: string): Floor | undefined {
    return this.#holding.get(family)
  }

  /** No floor holds. */
  get isEmpty(): boolean {
    return this.#holding.size === 0
  }

  /** Floors that hold. */
  get holding(): readonly Floor[] {
    return [...this.#holding.values()]
  }

  /** All of them, those to come included. */
  get all(): readonly Floor[] {
    return [...this.#holding.values(), ...this.#coming.values()]
  }

  /** No floor begins any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #wait(): void {
    this.stop()
    const next = Math.min(...Array.from(this.#coming.values(), ({ from }) => from))
    if (next === Number.POSITIVE_INFINITY) return
    // The calendar's clock may be set meanwhile: it is looked at again now and then.
    const pause = Math.min(LONGEST_PAUSE, Math.max(0, next - this.#clock.date()))
    this.#timer = this.#clock.after(pause, () => this.#begin())
  }

  #begin(): void {
    const now = this.#clock.date()
    const due = [...this.#coming].filter(([, { from }]) => from <= now)
    for (const [family, floor] of due) {
      this.#coming.delete(family)
      this.#holding.set(family, floor)
    }
    this.#wait()
    if (due.length > 0) this.#changed()
  }
}

/** Delay with which a floor may begin after the clock was set forward. */
const LONGEST_PAUSE = 60_000
