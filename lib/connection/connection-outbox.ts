import { types } from 'node:util'
import type { Outcome } from '../driver.js'
import { WarrenError } from '../errors.js'
import type { Deadlines } from '../outbox/deadlines.js'
import type { DropReason } from '../outbox/drop-reason.js'
import { type LanePolicy, policyOf } from '../outbox/lanes.js'
import { Outbox, type OutboxLink } from '../outbox/outbox.js'
import type { QueuedBytes, Room } from '../outbox/queued-bytes.js'
import type { Payload, Sent } from '../outbox/sent.js'
import type { Slots } from '../outbox/slots.js'
import type { Runtime } from '../runtime.js'
import type { ProtocolCounters } from '../versions/protocol-totals.js'
import type { Attention } from '../waiting/attention.js'
import { publishMessage } from './message-event.js'

/** Facts of a connection that its outbox needs. */
export interface OutboxFacts {
  readonly id: number
  readonly peer: { readonly publicKey: string }
  /** Bytes that wait to leave for this peer, over all its connections. */
  readonly queued: QueuedBytes
  /** Slots of `replaces`, over all connections of the peer in this family. */
  readonly slots: Slots
  /** Counters of its protocol. */
  readonly spoken: ProtocolCounters
}

/** The outbox of a connection: over its driver, under the limits of its peer and its device. */
export function connectionOutbox(
  connection: unknown,
  facts: OutboxFacts,
  runtime: Runtime,
  closedError: () => Error,
): Outbox {
  return new Outbox(new Link(connection, facts, runtime, closedError), facts.slots)
}

/** A class, so that a connection has no closure for each of these. */
class Link implements OutboxLink {
  readonly #connection: unknown
  readonly #facts: OutboxFacts
  readonly #runtime: Runtime
  readonly closedError: () => Error

  constructor(connection: unknown, facts: OutboxFacts, runtime: Runtime, closedError: () => Error) {
    this.#connection = connection
    this.#facts = facts
    this.#runtime = runtime
    this.closedError = closedError
  }

  get deadlines(): Deadlines {
    return this.#runtime.deadlines
  }

  get attention(): Attention {
    return this.#runtime.attention
  }

  policy(priority: number): LanePolicy {
    return policyOf(this.#runtime.lanes, priority)
  }

  nextMessage(): number {
    return this.#runtime.nextMessage()
  }

  transmit(message: number, priority: number, lifetime: number | undefined, payload: Payload): void {
    const { driver } = this.#runtime
    const { id } = this.#facts
    const left = lifetime === undefined ? undefined : Math.ceil(lifetime)
    if (types.isUint8Array(payload)) driver.sendMessage(id, message, priority, left, payload)
    else driver.sendShared(id, message, priority, left, payload.share)
  }

  cancel(message: number, reason: 'cancelled' | 'replaced'): void {
    this.#runtime.driver.cancelMessage(this.#facts.id, message, reason)
  }

  room(priority: number, bytes: number): Room {
    return this.#facts.queued.room(priority, bytes)
  }

  reserve(priority: number, bytes: number): void {
    this.#facts.queued.add(priority, bytes)
  }

  onRoom(callback: (isDue: boolean) => void): () => void {
    return this.#facts.queued.onRoom(callback)
  }

  release(priority: number, bytes: number): void {
    this.#facts.queued.remove(priority, bytes)
  }

  settled({ lane: { priority }, length }: Sent, outcome: Outcome, reason: DropReason | undefined): void {
    if (outcome === 'delivered') {
      const { spoken } = this.#facts
      spoken.messagesDelivered += 1
      spoken.bytesDelivered += length
    }
    publishMessage(this.#runtime.device, this.#connection, priority, length, outcome, reason)
  }

  fullError(): Error {
    const { queuedBytesPerPeer, queuedBytes } = this.#runtime.limits
    return new WarrenError(
      'ERR_WARREN_QUEUE_FULL',
      `More waits to leave than limits.queuedBytesPerPeer (${queuedBytesPerPeer}) or limits.queuedBytes (${queuedBytes}) allow; await each send()`,
      { peer: this.#facts.peer.publicKey },
    )
  }
}
