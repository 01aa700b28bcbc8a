import type { Clock, Timer } from '../waiting/clock.js'

/** Tells a peer of changed lists: at once, but ten times a second at most; what changed meanwhile is told together. */
export class Announcer {
  readonly #clock: Clock
  readonly #announce: () => void
  #last = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(announce: () => void, clock: Clock) {
    this.#announce = announce
    this.#clock = clock
  }

  /** The lists have changed. */
  changed(): void {
    if (this.#timer !== undefined) return
    const pause = this.#last + INTERVAL - this.#clock.now()
    if (pause <= 0) this.#tell()
    else this.#timer = this.#clock.after(pause, () => this.#tell())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #tell(): void {
    this.#timer = undefined
    this.#last = this.#clock.now()
    this.#announce()
  }
}

/** A person's clicks, and a program's loop, are told together within this. */
const INTERVAL = 100
