import { LONGEST_TIMER, type Timer } from '../waiting/clock.js'
import { realWorld, type World } from './world.js'

/** Calls back in the next turn of the event loop, or at an instant, whichever comes first; none keeps the process alive. */
export class Wakeup {
  readonly #now: () => number
  readonly #callback: () => void
  readonly #world: Pick<World, 'clock' | 'soon'>
  #soon = false
  #stopped = false
  #timer: Timer | undefined
  #deadline: number | undefined

  constructor(now: () => number, callback: () => void, world: Pick<World, 'clock' | 'soon'> = realWorld) {
    this.#now = now
    this.#world = world
    this.#callback = callback
  }

  soon(): void {
    if (this.#soon || this.#stopped) return
    this.#soon = true
    this.#world.soon(() => {
      this.#soon = false
      if (!this.#stopped) this.#callback()
    })
  }

  /** In place of the instant before. Timers are whole milliseconds: the rest is spent in turns of the event loop. */
  at(deadline: number | undefined): void {
    if (this.#stopped || (deadline === this.#deadline && this.#timer !== undefined)) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#deadline = deadline
    if (deadline === undefined) return
    const whole = Math.floor(deadline - this.#now())
    if (whole < 1) {
      this.soon()
      return
    }
    this.#timer = this.#world.clock.after(Math.min(whole, LONGEST_TIMER), () => this.#due())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #due(): void {
    this.#timer = undefined
    if (!this.#stopped) this.soon()
  }
}
