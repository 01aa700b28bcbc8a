import type { Clock, Timer } from './clock.js'

/** Dials once; rejects when that fails. */
export type Redial = (protocols: readonly string[] | undefined) => Promise<unknown>

/** Dials lost connections again: at once, then after growing, random pauses, until they are up or `stop` is called. */
export class Reconnect {
  readonly #redial: Redial
  readonly #clock: Clock
  readonly #series = new Map<string, Series>()
  #isStopped = false

  constructor(redial: Redial, clock: Clock) {
    this.#redial = redial
    this.#clock = clock
  }

  /** A connection that this end dialled with these protocols was lost after so many milliseconds. */
  lost(protocols: readonly string[] | undefined, age: number): void {
    const key = JSON.stringify(protocols ?? null)
    const series = this.#series.get(key) ?? { protocols, attempts: 0, isRunning: false, timer: undefined }
    this.#series.set(key, series)
    if (age >= STABLE) series.attempts = 0
    if (!series.isRunning) this.#next(series)
  }

  /** Ends all attempts for good. */
  stop(): void {
    this.#isStopped = true
    for (const { timer } of this.#series.values()) timer?.cancel()
    this.#series.clear()
  }

  #next(series: Series): void {
    if (this.#isStopped) return
    series.isRunning = true
    series.timer = this.#clock.after(backoff(series.attempts, this.#clock.random()), () => void this.#attempt(series))
    series.attempts += 1
  }

  async #attempt(series: Series): Promise<void> {
    try {
      await this.#redial(series.protocols)
      series.isRunning = false
    } catch {
      this.#next(series)
    }
  }
}

/** Milliseconds before an attempt: none before the first, then at random below a bound that doubles up to 30 s. */
export function backoff(attempts: number, random: number): number {
  return attempts === 0 ? 0 : random * Math.min(LONGEST, FIRST * 2 ** (attempts - 1))
}

interface Series {
  readonly protocols: readonly string[] | undefined
  attempts: number
  isRunning: boolean
  timer: Timer | undefined
}

const FIRST = 100
const LONGEST = 30_000

/** A connection that lasted this long begins anew with an attempt at once. */
const STABLE = 30_000
