import { channel } from 'node:diagnostics_channel'
import type { Endpoint } from '../arguments/endpoint.js'
import { WarrenError } from '../errors.js'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'
import type { FamilyState } from './family-state.js'

/** A change of a peer, or of a stranger who wanted to be one. */
export type PeerEvent =
  /** The peer is configured now. */
  | {
      /** Name of the change. */
      readonly type: 'added'
      /** The key of the peer, or of the stranger. */
      readonly publicKey: PublicKey
      /** The call that added it, or the answer. */
      readonly by: 'addPeer' | 'authorize'
    }
  /** Its tunnel has a session. */
  | {
      readonly type: 'up'
      readonly publicKey: PublicKey
      /** Duration of the handshake, in milliseconds. */
      readonly handshakeMs: number
    }
  /** Its session was replaced by a fresh one. */
  | { readonly type: 'rekeyed'; readonly publicKey: PublicKey }
  /** Its packets come from elsewhere now. */
  | {
      readonly type: 'moved'
      readonly publicKey: PublicKey
      /** The endpoint before; `undefined` where none was known. */
      readonly from: Endpoint | undefined
      /** The endpoint that its packets come from now. */
      readonly to: Endpoint
    }
  /** It sent a raw packet that is longer than the device's `mtu`, which was dropped; told once. */
  | {
      readonly type: 'oversized'
      readonly publicKey: PublicKey
      /** Bytes of the packet. */
      readonly length: number
    }
  /** Its session is gone. */
  | {
      readonly type: 'down'
      readonly publicKey: PublicKey
      /** 'expired': nothing asked for a new one. 'handshake-timeout': nobody answered for 90 s. 'left': it closed its device. */
      readonly reason: 'expired' | 'handshake-timeout' | 'left'
    }
  /** A dial that no call waits for failed. */
  | {
      readonly type: 'dial-failed'
      readonly publicKey: PublicKey
      /** The failure, as `connect()` would reject with it. */
      readonly error: WarrenError
      /** Milliseconds until the next dial. */
      readonly retryInMs: number
    }
  /** Another version of a family is spoken with it, or it told other lists. */
  | ProtocolEvent
  /** A dial of its was refused at this end, for the protocols that it offered. */
  | {
      readonly type: 'refused'
      readonly publicKey: PublicKey
      /**
       * 'below-floor': this end knows them, and speaks nothing so old. 'no-protocol': it accepts none of them. 'lists-differ': a hello was
       * altered on its way.
       */
      readonly reason: 'below-floor' | 'no-protocol' | 'lists-differ'
      /** Protocols that it offered, best first. */
      readonly offered: readonly string[]
      /** Protocols that this end would have accepted, best first. */
      readonly accepts: readonly string[]
    }
  /** It is a peer no more. */
  | {
      readonly type: 'removed'
      readonly publicKey: PublicKey
      /** The `reason` of `remove()`, or the limit or rule that dropped it. */
      readonly reason: string
    }
  /** A stranger was not let in: refused by `authorize`, which may have failed or taken too long, or by a limit. */
  | {
      readonly type: 'rejected'
      readonly publicKey: PublicKey
      /** The address and port that its handshake came from. */
      readonly endpoint: Endpoint
      /** 'refused': `authorize` said no, or a limit did. 'error': it failed. 'timeout': it took too long. */
      readonly reason: 'refused' | 'error' | 'timeout'
      /** The exception or the limit, where there is one. */
      readonly error: unknown
    }

/** A change of what is spoken with a peer in one family of protocols, or of the lists that it told. */
export interface ProtocolEvent extends FamilyState {
  /** Name of the change. */
  readonly type: 'protocol'
  /** The key of the peer. */
  readonly publicKey: PublicKey
  /** Name of the family: `ledger` of `ledger/2`. */
  readonly family: string
  /** The version that was spoken before; `undefined`: there was no connection. */
  readonly previous: string | undefined
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
    case 'protocol':
      return `speaks ${event.current ?? 'nothing'} of ${event.family}, before ${event.previous ?? 'nothing'}; offers ${event.offered.join(' ') || 'none'}, accepts ${event.accepted.join(' ') || 'none'}`
    case 'refused':
      return `dial refused (${event.reason}): offers ${event.offered.join(' ')}, accepted are ${event.accepts.join(' ') || 'none'}`
    case 'removed':
      return `removed '${event.reason}'`
    case 'rejected':
      return `rejected at ${event.endpoint}: ${WarrenError.is(event.error) ? event.error.code : event.reason}`
  }
}

const CHANNEL = channel('warren:peer')
