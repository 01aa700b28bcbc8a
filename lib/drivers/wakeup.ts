import timers from 'node:timers'
import { LONGEST_TIMER } from '../waiting/clock.js'

// Captured at import, as in `clock.ts`: fake timers that are installed later do not stop tunnels.
const { setImmediate, setTimeout, clearTimeout } = timers

/** Calls back in the next turn of the event loop, or at an instant, whichever comes first; none keeps the process alive. */
export class Wakeup {
  readonly #now: () => number
  readonly #callback: () => void
  #soon = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #deadline: number | undefined

  constructor(now: () => number, callback: () => void) {
    this.#now = now
    this.#callback = callback
  }

  soon(): void {
    if (this.#soon || this.#stopped) return
    this.#soon = true
    setImmediate(() => {
      this.#soon = false
      if (!this.#stopped) this.#callback()
    })
  }

  /** In place of the instant before. Timers are whole milliseconds: the rest is spent in turns of the event loop. */
  at(deadline: number | undefined): void {
    if (this.#stopped || (deadline === this.#deadline && this.#timer !== undefined)) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#deadline = deadline
    if (deadline === undefined) return
    const whole = Math.floor(deadline - this.#now())
    if (whole < 1) {
      this.soon()
      return
    }
    this.#timer = setTimeout(() => this.#due(), Math.min(whole, LONGEST_TIMER))
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #due(): void {
    this.#timer = undefined
    if (!this.#stopped) this.soon()
  }
}
