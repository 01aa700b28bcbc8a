import { types } from 'node:util'
import type { ConnectionFacts } from './connection.js'
import { WarrenError } from './errors.js'
import { policyOf } from './lanes.js'
import { Outbox } from './outbox.js'
import type { Runtime } from './runtime.js'

/** The outbox of a connection: over its driver, under the limits of its peer and its device. */
export function connectionOutbox(facts: ConnectionFacts, runtime: Runtime, closedError: () => Error): Outbox {
  const { id, peer, queued: peerQueued } = facts
  const { driver, queued, limits, lanes, deadlines } = runtime
  return new Outbox({
    deadlines,
    policy: (priority) => policyOf(lanes, priority),
    nextMessage: () => runtime.nextMessage(),
    transmit(message, priority, lifetime, payload) {
      const left = lifetime === undefined ? undefined : Math.ceil(lifetime)
      if (types.isUint8Array(payload)) driver.sendMessage(id, message, priority, left, payload)
      else driver.sendShared(id, message, priority, left, payload.share)
    },
    cancel: (message, reason) => driver.cancelMessage(id, message, reason),
    reserve(priority, bytes) {
      if (!peerQueued.has(priority, bytes) || !queued.has(priority, bytes)) return false
      peerQueued.add(priority, bytes)
      queued.add(priority, bytes)
      return true
    },
    release(priority, bytes) {
      peerQueued.remove(priority, bytes)
      queued.remove(priority, bytes)
    },
    fullError: () =>
      new WarrenError(
        'ERR_WARREN_QUEUE_FULL',
        `More waits to leave than limits.queuedBytesPerPeer (${limits.queuedBytesPerPeer}) or limits.queuedBytes (${limits.queuedBytes}) allow; await each send()`,
        { peer: peer.publicKey },
      ),
    closedError,
  })
}
