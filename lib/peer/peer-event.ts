import { channel } from 'node:diagnostics_channel'
import type { Endpoint } from '../arguments/endpoint.js'
import { WarrenError } from '../errors.js'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'

/** What became of a peer, or of a stranger who wanted to be one. */
export type PeerEvent =
  /** It is configured now, by `addPeer` or by `authorize`. */
  | { readonly type: 'added'; readonly publicKey: PublicKey; readonly by: 'addPeer' | 'authorize' }
  /** Its tunnel has a session; the handshake took so many milliseconds. */
  | { readonly type: 'up'; readonly publicKey: PublicKey; readonly handshakeMs: number }
  /** Its session was replaced by a fresh one. */
  | { readonly type: 'rekeyed'; readonly publicKey: PublicKey }
  /** Its packets come from elsewhere now. */
  | {
      readonly type: 'moved'
      readonly publicKey: PublicKey
      readonly from: Endpoint | undefined
      readonly to: Endpoint
    }
  /** It sent a raw packet that is longer than the device's `mtu`, which was dropped; told once. */
  | { readonly type: 'oversized'; readonly publicKey: PublicKey; readonly length: number }
  /** Its session is gone: nothing asked for a new one, its handshakes went unanswered for 90 s, or it closed its device. */
  | { readonly type: 'down'; readonly publicKey: PublicKey; readonly reason: 'expired' | 'handshake-timeout' | 'left' }
  /** A dial that no call waits for failed, for this reason; the next one follows after so many milliseconds. */
  | {
      readonly type: 'dial-failed'
      readonly publicKey: PublicKey
      readonly error: WarrenError
      readonly retryInMs: number
    }
  /** It is a peer no more. */
  | { readonly type: 'removed'; readonly publicKey: PublicKey; readonly reason: string }
  /** A stranger was not let in: refused by `authorize`, which may have failed or taken too long, or by a limit. */
  | {
      readonly type: 'rejected'
      readonly publicKey: PublicKey
      readonly endpoint: Endpoint
      readonly reason: 'refused' | 'error' | 'timeout'
      readonly error: unknown
    }

/** Publishes to whoever subscribed to `warren:peer` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishPeerEvent(device: PublicKey, event: PeerEvent): void {
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ device, event })
  // Of these two `publishHandshake` tells more.
  if (event.type === 'up' || event.type === 'rekeyed') return
  log.peer?.(`${brief(device)} ↔ ${brief(event.publicKey)} ${lineOf(event)}`)
}

function lineOf(event: Exclude<PeerEvent, { type: 'up' | 'rekeyed' }>): string {
  switch (event.type) {
    case 'added':
      return `added by ${event.by}`
    case 'moved':
      return `moved from ${event.from ?? 'nowhere'} to ${event.to}`
    case 'oversized':
      return `packets too large: ${event.length} bytes`
    case 'down':
      return `tunnel down: ${event.reason}`
    case 'dial-failed':
      return `dial failed (${event.error.code}), the next one in ${event.retryInMs} ms`
    case 'removed':
      return `removed '${event.reason}'`
    case 'rejected':
      return `rejected at ${event.endpoint}: ${WarrenError.is(event.error) ? event.error.code : event.reason}`
  }
}

const CHANNEL = channel('warren:peer')
