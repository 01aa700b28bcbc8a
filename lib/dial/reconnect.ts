import { WarrenError } from '../errors.js'
import type { Clock, Timer } from '../waiting/clock.js'
import { LateMap } from '../waiting/late-map.js'

/** Dials what was asked for, for so many milliseconds; rejects when that fails, or when the signal aborts. */
export type Redial<A> = (asked: A, timeout: number, signal: AbortSignal) => Promise<unknown>

/** Dials lost connections again: at once, then after growing, random pauses, until they are up or `forget` is called. */
export class Reconnect<A> {
  readonly #redial: Redial<A>
  readonly #failed: (error: unknown, pause: number) => void
  readonly #clock: Clock
  readonly #series = new LateMap<string, Series<A>>()
  /** Aborts the attempts under way. */
  #controller: AbortController | undefined

  /** `failed` is told of each attempt that fails, and how many milliseconds later the next one follows. */
  constructor(redial: Redial<A>, failed: (error: unknown, pause: number) => void, clock: Clock) {
    this.#redial = redial
    this.#failed = failed
    this.#clock = clock
  }

  /** A connection that this end dialled, asking for this, was lost after so many milliseconds. `key`: one series for each. */
  lost(asked: A, age: number, key: string = JSON.stringify(asked ?? null)): void {
    const series = this.#series.get(key) ?? { asked, attempts: 0, isRunning: false, timer: undefined }
    series.asked = asked
    this.#series.set(key, series)
    if (age >= BRIEF) series.attempts = 0
    if (!series.isRunning) this.#next(series)
  }

  /** Ends all attempts. */
  forget(): void {
    for (const { timer } of this.#series.values()) timer?.cancel()
    this.#series.clear()
    this.#controller?.abort()
    this.#controller = undefined
  }

  #next(series: Series<A>, failure?: unknown): number {
    series.isRunning = true
    const pause = backoff(series.attempts, this.#clock.random(), failure)
    series.timer = this.#clock.after(pause, () => void this.#attempt(series))
    series.attempts += 1
    return pause
  }

  async #attempt(series: Series<A>): Promise<void> {
    this.#controller ??= new AbortController()
    const { signal } = this.#controller
    try {
      await this.#redial(series.asked, attemptTime(series.attempts), signal)
      series.isRunning = false
    } catch (error) {
      if (!signal.aborted) this.#failed(error, this.#next(series, error))
    }
  }
}

/**
 * Milliseconds before an attempt: none before the first, then at random below a bound that doubles: up to 5 s where the last one
 * met silence, else up to 30 s.
 */
export function backoff(attempts: number, random: number, failure?: unknown): number {
  const longest = isSilence(failure) ? LONGEST_OF_SILENCE : LONGEST
  return attempts === 0 ? 0 : random * Math.min(longest, FIRST * 2 ** (attempts - 1))
}

/** Milliseconds that an attempt may take, counted from 1: as `connect()` at first, then twice as long each time up to 80 s. */
export function attemptTime(attempt: number): number {
  return Math.min(LONGEST_ATTEMPT, FIRST_ATTEMPT * 2 ** (attempt - 1))
}

function isSilence(failure: unknown): boolean {
  return WarrenError.is(failure) && SILENT.has(failure.code)
}

interface Series<A> {
  asked: A
  attempts: number
  isRunning: boolean
  timer: Timer | undefined
}

const FIRST = 100
const LONGEST = 30_000

/** As far apart as the initiations of an attempt: a peer that is back is found as soon in a pause as in an attempt. */
const LONGEST_OF_SILENCE = 5_000
const SILENT: ReadonlySet<string> = new Set(['ERR_WARREN_NO_HANDSHAKE', 'ERR_WARREN_NO_TRANSPORT'])

/**
 * While an attempt lasts an initiation leaves every 5 s, so that a peer that is back is found then, whoever has to dial; and a
 * peer that stays away is mostly being dialled, also where the pauses are long. Below the 90 s of REKEY_ATTEMPT_TIME (whitepaper
 * section 6.4), after which a handshake begins anew.
 */
const FIRST_ATTEMPT = 10_000
const LONGEST_ATTEMPT = 80_000

/** A connection that was closed after this long begins anew with an attempt at once. */
export const STABLE = 30_000

/**
 * A connection that the network took, or a restart, begins anew likewise after this long: to find that out took a second of silence,
 * and the peer is there or will be. Only one that ends sooner, as by a peer that forgets each connection at once, is dialled ever later.
 */
export const BRIEF = 1_000
