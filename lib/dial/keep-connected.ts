import type { DriverClose } from '../driver.js'
import type { Clock, Timer } from '../waiting/clock.js'
import { attemptTime, BRIEF, backoff, STABLE } from './reconnect.js'

/** The order to stay connected: with which protocols; `undefined`: the device's. */
export interface KeepOrder {
  readonly protocols: readonly string[] | undefined
}

/** Link from the order to stay connected to a peer's dialling. */
export interface KeepLink {
  /** A live connection that would do. */
  find(order: KeepOrder): object | undefined
  /** Dials, for so many milliseconds. */
  dial(order: KeepOrder, timeout: number, signal: AbortSignal): Promise<unknown>
  /** An attempt failed; the next one follows after so many milliseconds. */
  failed(error: unknown, pause: number): void
}

/** Carries out the order to stay connected with one peer, until it is taken back: dials, and dials again after any loss. */
export class KeepConnected {
  readonly #link: KeepLink
  readonly #clock: Clock
  #order: KeepOrder | undefined
  /** Aborts the attempt under way, when the order is no more. */
  #controller: AbortController | undefined
  #timer: Timer | undefined
  #isDialling = false
  /** Since the last connection that lasted. */
  #attempts = 0
  /** Instant at which the last attempt began. */
  #began = Number.NEGATIVE_INFINITY

  constructor(link: KeepLink, clock: Clock) {
    this.#link = link
    this.#clock = clock
  }

  get current(): KeepOrder | undefined {
    return this.#order
  }

  /** The order from now on; the same one again changes nothing. A live connection stays as it is. */
  order(order: KeepOrder | undefined): void {
    if (JSON.stringify(order) === JSON.stringify(this.#order)) return
    this.stop()
    this.#order = order
    this.#attempts = 0
    this.#check(0)
  }

  /** No order, and no attempt. */
  stop(): void {
    this.#order = undefined
    this.#controller?.abort()
    this.#controller = undefined
    this.#isDialling = false
    this.#cancel()
  }

  /** A connection is up, whoever dialled it. */
  arrived(): void {
    if (this.#order !== undefined && this.#link.find(this.#order) !== undefined) this.#cancel()
  }

  /** The peer has a session, or another endpoint: no need to wait any longer. */
  reachable(): void {
    if (this.#timer === undefined || this.#clock.now() - this.#began < LEAST_BETWEEN) return
    this.#cancel()
    this.#wait(0)
  }

  /** A connection that would have done ended, after so many milliseconds; `isLoss`: by no application's will. */
  lost(close: DriverClose, isLoss: boolean, age: number): void {
    if (age >= (isLoss ? BRIEF : STABLE)) this.#attempts = 0
    this.#check(close.cause === 'application' && !isLoss ? AFTER_CLOSE : 0)
  }

  /** Sees to the next attempt, if one is needed: not before `least`. */
  #check(least: number): void {
    if (this.#order === undefined || this.#isDialling || this.#timer !== undefined) return
    if (this.#link.find(this.#order) === undefined) this.#wait(least + this.#backoff())
  }

  #backoff(failure?: unknown): number {
    const pause = backoff(this.#attempts, this.#clock.random(), failure)
    this.#attempts += 1
    return pause
  }

  #wait(pause: number): void {
    this.#timer = this.#clock.after(pause, () => {
      this.#timer = undefined
      void this.#attempt()
    })
  }

  async #attempt(): Promise<void> {
    if (this.#order === undefined) return
    this.#controller ??= new AbortController()
    const controller = this.#controller
    this.#isDialling = true
    this.#began = this.#clock.now()
    try {
      await this.#link.dial(this.#order, attemptTime(this.#attempts), controller.signal)
      if (this.#controller !== controller) return
      this.#isDialling = false
      this.#check(0)
    } catch (error) {
      if (this.#controller !== controller) return
      this.#isDialling = false
      const pause = this.#backoff(error)
      this.#wait(pause)
      this.#link.failed(error, pause)
    }
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

/** A close was meant: so that an application that closes and then takes the order back finds no dial in between. */
const AFTER_CLOSE = 1_000

/** A peer whose tunnel goes up and down is not dialled more often than this by that. */
const LEAST_BETWEEN = 1_000
