import { type InspectOptions, inspect } from 'node:util'
import type { Outcome } from '../driver.js'
import { type Deferred, defer } from '../waiting/deferred.js'
import type { Due } from './deadlines.js'
import type { OutboxLane, Waiting } from './outbox-lane.js'
import type { Outgoing, ParsedSend } from './send-options.js'

/** Bytes of a message: the caller's, or those that the driver holds for several messages. */
export type Payload = Uint8Array | SharedBytes

/** Bytes that the driver copied once; `share` is its name for them. */
export interface SharedBytes {
  readonly share: number
  readonly byteLength: number
}

/** Listener for the end of a message's wait: it was admitted, given up, or refused. */
export interface Waiter {
  resolve(outgoing: Outgoing): void
  reject(makeError: () => unknown): void
}

/** Result of posting a message that is one of many. */
export interface Posted {
  readonly outgoing: Outgoing
  /** It waits for admission; its waiter will be told. */
  readonly waits: boolean
}

/** A message that never left: its connection is over. */
export const LOST: Posted = {
  outgoing: { settled: Promise.resolve('lost' as const), cancel: () => undefined },
  waits: false,
}

/** Owner of a message. */
export interface SentOwner {
  cancel(sent: Sent): void
  replace(sent: Sent): void
  late(sent: Sent): void
  /** Somebody waits for the end of a message, until `endAttention`. */
  beginAttention(): void
  endAttention(): void
}

/** A message that was given to an outbox: it waits for admission, then it is under way, then it has settled. */
export class Sent implements Outgoing, Due, Waiting<Sent> {
  readonly lane: OutboxLane<Sent>
  readonly options: ParsedSend
  readonly length: number
  /** Until it is admitted. */
  payload: Payload | undefined
  /** Listener for the end of its wait; `undefined`: it does not wait. */
  waiter: Waiter | undefined
  since = 0
  previous: Sent | undefined
  next: Sent | undefined
  /** Instant at which its life ends; below, at which its waiting does. */
  expiry = Number.POSITIVE_INFINITY
  deadline = Number.POSITIVE_INFINITY
  place = -1
  /** Its id in the driver; 0: it was not admitted. */
  message = 0
  stopListening: (() => void) | undefined
  /** Bytes under way in its lane behind which it goes past the limits; `undefined`: they have room for it. */
  behind: number | undefined
  /** Stops its wait for room under the limits; `undefined`: it counts against them. */
  stopAsking: (() => void) | undefined

  readonly #owner: SentOwner
  #outcome: Outcome | undefined
  #settled: Deferred<Outcome> | undefined

  constructor(owner: SentOwner, lane: OutboxLane<Sent>, payload: Payload, options: ParsedSend) {
    this.#owner = owner
    this.lane = lane
    this.payload = payload
    this.length = payload.byteLength
    this.options = options
  }

  get settled(): Promise<Outcome> {
    if (this.#outcome !== undefined) return Promise.resolve(this.#outcome)
    if (this.#settled === undefined) {
      this.#settled = defer()
      this.#owner.beginAttention()
    }
    return this.#settled.promise
  }

  cancel(): void {
    this.#owner.cancel(this)
  }

  /** Another message took its slot. */
  replace(): void {
    this.#owner.replace(this)
  }

  late(): void {
    this.#owner.late(this)
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { priority } = this.options
    return `Outgoing ${inspect({ priority, bytes: this.length, settled: this.#outcome }, options)}`
  }

  settle(outcome: Outcome): void {
    this.#outcome = outcome
    if (this.#settled !== undefined) {
      this.#settled.resolve(outcome)
      this.#owner.endAttention()
    }
    this.stopListening?.()
    this.stopListening = undefined
  }
}
