import type { Clock, Timer } from '../waiting/clock.js'

/** Link from a connection that gives way to the connection itself. */
export interface GivingWayLink {
  /** Milliseconds for which it still admits sends. */
  readonly grace: number
  /** The other end says when it sends nothing more. One of an older build does not. */
  readonly isAnswered: boolean
  /** It admits nothing more. */
  endAdmission(): void
  /** Resolves when everything that was admitted, or waited for that, has settled. */
  drained(): Promise<unknown>
  /** Tells the other end that nothing more comes from here. */
  finish(): void
  /** Bytes that came, and whether some of them wait for a reader here. */
  received(): { readonly bytes: number; readonly areHeld: boolean }
  close(): void
}

/**
 * The last part of a superseded connection's life: it admits sends for a grace, delivers what it has, says so, and closes when the other
 * end has said the same. So neither end's close takes what the other one still had under way.
 */
export class GivingWay {
  readonly #link: GivingWayLink
  readonly #clock: Clock
  #timer: Timer | undefined
  #limit: Timer | undefined
  #isDraining = false
  #isFinished = false
  #areTheyFinished: boolean
  #isOver = false
  #seen = Number.NEGATIVE_INFINITY
  #seenAt = 0

  /** `areTheyFinished`: the other end has said so before. */
  constructor(link: GivingWayLink, clock: Clock, areTheyFinished: boolean) {
    this.#link = link
    this.#clock = clock
    this.#areTheyFinished = areTheyFinished || !link.isAnswered
    this.#timer = clock.after(link.grace, () => void this.#drain())
  }

  /** This end has said that it sends nothing more. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** The grace ends now. `limit`: in so many milliseconds the connection closes, whatever it still has. */
  hasten(limit?: number): void {
    if (this.#isOver) return
    if (limit !== undefined) this.#limit ??= this.#clock.after(limit, () => this.#close())
    if (this.#isDraining) return
    this.#timer?.cancel()
    void this.#drain()
  }

  /** The other end sends nothing more. */
  theyFinished(): void {
    this.#areTheyFinished = true
    this.#closeIfDone()
  }

  /** The connection is over. */
  ended(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#limit?.cancel()
  }

  async #drain(): Promise<void> {
    this.#isDraining = true
    this.#link.endAdmission()
    await this.#link.drained()
    if (this.#isOver) return
    this.#isFinished = true
    this.#link.finish()
    this.#closeIfDone()
    if (!this.#isOver) this.#watch()
  }

  #closeIfDone(): void {
    if (!this.#isOver && this.#isFinished && this.#areTheyFinished) this.#close()
  }

  #close(): void {
    this.ended()
    this.#link.close()
  }

  /** Waits for the other end as long as something comes; a peer that never finishes does not keep the connection. */
  #watch(): void {
    const { bytes, areHeld } = this.#link.received()
    const now = this.#clock.now()
    if (bytes - this.#seen >= PROGRESS || areHeld) {
      this.#seen = bytes
      this.#seenAt = now
    } else if (now - this.#seenAt >= PATIENCE) {
      this.#areTheyFinished = true
      this.#closeIfDone()
      return
    }
    this.#timer = this.#clock.after(LOOK, () => this.#watch())
  }
}

/** Longer than any grace that is of use, and than what QUIC takes to find a loss. */
const PATIENCE = 60_000
const LOOK = 5_000

/** Bytes that are more than the heartbeats of an idle connection. */
const PROGRESS = 4_096
