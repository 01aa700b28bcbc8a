import { types } from 'node:util'
import { WarrenError } from '../errors.js'
import { policyOf } from '../outbox/lanes.js'
import { Outbox, type OutboxLink } from '../outbox/outbox.js'
import type { QueuedBytes } from '../outbox/queued-bytes.js'
import type { Slots } from '../outbox/slots.js'
import type { Runtime } from '../runtime.js'
import type { ProtocolCounters } from '../versions/protocol-totals.js'
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
  const { id, peer, queued, slots, spoken } = facts
  const { device, driver, limits, lanes, deadlines, attention } = runtime
  const link: OutboxLink = {
    deadlines,
    attention,
    policy: (priority) => policyOf(lanes, priority),
    nextMessage: () => runtime.nextMessage(),
    transmit(message, priority, lifetime, payload) {
      const left = lifetime === undefined ? undefined : Math.ceil(lifetime)
      if (types.isUint8Array(payload)) driver.sendMessage(id, message, priority, left, payload)
      else driver.sendShared(id, message, priority, left, payload.share)
    },
    cancel: (message, reason) => driver.cancelMessage(id, message, reason),
    room: (priority, bytes) => queued.room(priority, bytes),
    reserve: (priority, bytes) => queued.add(priority, bytes),
    onRoom: (callback) => queued.onRoom(callback),
    release: (priority, bytes) => queued.remove(priority, bytes),
    settled({ lane: { priority }, length }, outcome, reason) {
      if (outcome === 'delivered') {
        spoken.messagesDelivered += 1
        spoken.bytesDelivered += length
      }
      publishMessage(device, connection, priority, length, outcome, reason)
    },
    fullError: () =>
      new WarrenError(
        'ERR_WARREN_QUEUE_FULL',
        `More waits to leave than limits.queuedBytesPerPeer (${limits.queuedBytesPerPeer}) or limits.queuedBytes (${limits.queuedBytes}) allow; await each send()`,
        { peer: peer.publicKey },
      ),
    closedError,
  }
  return new Outbox(link, slots)
}
