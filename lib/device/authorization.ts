import { wrongType } from '../arguments/argument-error.js'
import type { Endpoint } from '../arguments/endpoint.js'
import { Warnings, warnOnce } from '../events/warning.js'
import type { PublicKey } from '../keys.js'
import { type AuthorizedPeer, type AuthorizedPeerOptions, parseAuthorizedPeer } from '../peer/peer-options.js'
import type { Clock, Timer } from '../waiting/clock.js'

/** A key that proved itself and is no peer yet. */
export interface Stranger {
  /** The key, whose possession was proven by a whole WireGuard handshake message. */
  readonly publicKey: PublicKey
  /** The address and port that the handshake came from. */
  readonly endpoint: Endpoint
  /** Aborts when an answer would come too late: pass it on to what looks the key up. */
  readonly signal: AbortSignal
}

/** An answer about a stranger: yes, no, or yes with these settings. */
export type Authorization = boolean | AuthorizedPeerOptions

/** A function of the application that answers about a stranger. A throw or a rejection is a no, and a warning of the process. */
export type Authorize = (stranger: Stranger) => Authorization | Promise<Authorization>

/** Receiver of the answers. */
export interface AuthorizationOutcome {
  accept(publicKey: PublicKey, endpoint: Endpoint, peer: AuthorizedPeer): void
  reject(publicKey: PublicKey, endpoint: Endpoint, reason: 'refused' | 'error' | 'timeout', error: unknown): void
}

/** Asks `authorize` about strangers: one call at a time per key, each for a limited time, never more than `most`. */
export class Authorizations {
  readonly #authorize: Authorize
  readonly #timeout: number
  readonly #most: number
  readonly #clock: Clock
  readonly #outcome: AuthorizationOutcome
  readonly #pending = new Map<PublicKey, Question>()
  readonly #warnings = new Warnings()
  #failures = 0

  constructor(authorize: Authorize, timeout: number, most: number, clock: Clock, outcome: AuthorizationOutcome) {
    this.#authorize = authorize
    this.#timeout = timeout
    this.#most = most
    this.#clock = clock
    this.#outcome = outcome
  }

  /** The questions under way. */
  get pending(): number {
    return this.#pending.size
  }

  /** Answers that were an exception, or no answer at all. */
  get failures(): number {
    return this.#failures
  }

  /** A stranger asks. Asking again while the answer is awaited changes nothing. */
  ask(publicKey: PublicKey, endpoint: Endpoint): void {
    if (this.#pending.has(publicKey)) return
    if (this.#pending.size >= this.#most) {
      this.#outcome.reject(publicKey, endpoint, 'refused', undefined)
      return
    }
    const controller = new AbortController()
    const timer = this.#clock.after(this.#timeout, () => this.#lapse(question))
    const question: Question = { publicKey, endpoint, controller, timer }
    this.#pending.set(publicKey, question)
    void this.#answer(question)
  }

  /** The question is void: the stranger is gone, became a peer otherwise, or the device closes. */
  forget(publicKey: PublicKey): void {
    const question = this.#pending.get(publicKey)
    if (question !== undefined) this.#drop(question)
  }

  /** The engine no longer waits for the answer. */
  gone(publicKey: PublicKey): void {
    const question = this.#pending.get(publicKey)
    if (question !== undefined) this.#lapse(question)
  }

  close(): void {
    for (const question of [...this.#pending.values()]) this.#drop(question)
  }

  async #answer(question: Question): Promise<void> {
    const { publicKey, endpoint, controller } = question
    let given: string | undefined
    try {
      const answer = await this.#authorize({ publicKey, endpoint, signal: controller.signal })
      given = typeof answer
      const peer = answer === false ? undefined : settingsOf(answer)
      if (!this.#take(question)) return
      if (peer === undefined) this.#outcome.reject(publicKey, endpoint, 'refused', undefined)
      else this.#outcome.accept(publicKey, endpoint, peer)
    } catch (error) {
      if (!this.#take(question)) return
      this.#failures += 1
      if (given === undefined) warnOnce(FAILED, 'WARREN_AUTHORIZE_FAILED', error)
      else this.#warnings.warnOnce(FAILED, 'WARREN_AUTHORIZE_FAILED', error, `${given} ${expectation(error)}`)
      this.#outcome.reject(publicKey, endpoint, 'error', error)
    }
  }

  #lapse(question: Question): void {
    if (this.#drop(question)) this.#outcome.reject(question.publicKey, question.endpoint, 'timeout', undefined)
  }

  #drop(question: Question): boolean {
    const isOpen = this.#take(question)
    if (isOpen) question.controller.abort()
    return isOpen
  }

  /** True for the one who ends the question. */
  #take(question: Question): boolean {
    if (this.#pending.get(question.publicKey) !== question) return false
    this.#pending.delete(question.publicKey)
    question.timer.cancel()
    return true
  }
}

/** Settings of a stranger who is let in. */
function settingsOf(answer: unknown): AuthorizedPeer {
  if (answer === true) return parseAuthorizedPeer({})
  if (typeof answer !== 'object' || answer === null)
    throw wrongType('The answer of authorize', 'true, false or an object with settings', answer)
  return parseAuthorizedPeer(answer)
}

/** The message of a wrong argument without what came, which may be another each time. */
function expectation(error: unknown): string {
  return String(error).replace(/; got .*$/s, '')
}

interface Question {
  readonly publicKey: PublicKey
  readonly endpoint: Endpoint
  readonly controller: AbortController
  readonly timer: Timer
}

const FAILED = 'authorize failed, so a stranger was refused'
