import type { Clock, Timer } from '../waiting/clock.js'

/** Calls back when nothing was active for a while; and again when nothing was after the next activity. */
export class IdleTimer {
  readonly #clock: Clock
  readonly #callback: () => void
  #milliseconds = 0
  #active = 0
  #timer: Timer | undefined

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock
    this.#callback = callback
  }

  /** From now on. 0: never. */
  set(milliseconds: number): void {
    this.stop()
    this.#milliseconds = milliseconds
    this.active()
  }

  active(): void {
    if (this.#milliseconds === 0) return
    this.#active = this.#clock.now()
    this.#timer ??= this.#clock.after(this.#milliseconds, () => this.#due())
  }

  stop(): void {
    this.#milliseconds = 0
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The timer is set once and looks at what was active since, so that activity costs a look at the clock. */
  #due(): void {
    this.#timer = undefined
    const left = this.#active + this.#milliseconds - this.#clock.now()
    if (left <= 0) this.#callback()
    else this.#timer = this.#clock.after(Math.ceil(left), () => this.#due())
  }
}
