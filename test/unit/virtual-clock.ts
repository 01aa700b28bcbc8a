import type { Clock } from '../../lib/waiting/clock.js'

/** A clock that stands until it is told to go, with chance that is always `chance`. */
export class VirtualClock implements Clock {
  chance = 1
  #now = 0
  #timers: { readonly due: number; readonly callback: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(milliseconds: number, callback: () => void): { cancel(): void } {
    const timer = { due: this.#now + milliseconds, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  random(): number {
    return this.chance
  }

  date(): number {
    return DATE + this.#now
  }

  get pending(): number {
    return this.#timers.length
  }

  /** Time passes, and no timer fires: the thread was busy. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds
  }

  /** Lets time pass, and everything happen that is due meanwhile. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await settle()
    for (;;) {
      const next = this.#timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = Math.max(this.#now, next.due)
      next.callback()
      await settle()
    }
    this.#now = end
  }
}

/** Lets all promises that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The calendar's time at which a virtual clock begins: any will do. */
const DATE = 1_800_000_000_000
