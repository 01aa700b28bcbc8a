import { channel } from 'node:diagnostics_channel'
import type { Endpoint } from '../arguments/endpoint.js'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'

/** Outcome of a WireGuard handshake with a peer. */
export type HandshakeEvent =
  /** It made a session: the first of a tunnel, with the milliseconds that it took, or one that renews it. */
  | {
      readonly type: 'completed'
      readonly publicKey: PublicKey
      readonly endpoint: Endpoint | undefined
      readonly handshakeMs: number | undefined
    }
  /** Nobody there answered this initiation until the next was due. */
  | { readonly type: 'unanswered'; readonly publicKey: PublicKey; readonly endpoint: Endpoint }
  /** The system refused to send an initiation there, by the name of its error, such as 'ENETUNREACH'. */
  | { readonly type: 'unreachable'; readonly publicKey: PublicKey; readonly endpoint: Endpoint; readonly error: string }

/** Publishes to whoever subscribed to `warren:handshake` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishHandshake(device: PublicKey, makeEvent: () => HandshakeEvent): void {
  if (!CHANNEL.hasSubscribers && log.peer === undefined) return
  const event = makeEvent()
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ device, event })
  log.peer?.(`${brief(device)} → ${brief(event.publicKey)} ${lineOf(event)}`)
}

function lineOf(event: HandshakeEvent): string {
  const { endpoint = 'an unknown endpoint' } = event
  switch (event.type) {
    case 'completed': {
      const { handshakeMs } = event
      return handshakeMs === undefined
        ? `handshake renewed the session, at ${endpoint}`
        : `handshake completed in ${handshakeMs.toFixed(1)} ms, at ${endpoint}`
    }
    case 'unanswered':
      return `handshake initiation unanswered by ${endpoint}`
    case 'unreachable':
      return `the system refused to send a handshake initiation to ${endpoint}: ${event.error}`
  }
}

const CHANNEL = channel('warren:handshake')
