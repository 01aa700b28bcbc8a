import type { Buffer } from 'node:buffer'
import type { Endpoint, ParsedEndpoint } from '../arguments/endpoint.js'
import type { Connection, Message } from '../connection/connection.js'
import type { ConnectionRoutes } from '../connection/connection-routes.js'
import type { DialRoutes } from '../dial/dial-routes.js'
import type { KeepOrder } from '../dial/keep-connected.js'
import type { DialRefusal, PeerLists } from '../driver.js'
import type { LaneTotals } from '../figures/lane-totals.js'
import type { DeviceInbox } from '../inbox/device-inbox.js'
import type { PublicKey } from '../keys.js'
import type { ClosingFacts } from '../versions/can-close.js'
import type { Guest } from './guest.js'
import type { PeerEvent } from './peer-event.js'

/** A dial of a peer's that was refused here. */
export interface RefusedDial {
  readonly why: DialRefusal
  /** Protocols that it offered, best first. */
  readonly offered: readonly string[]
  /** The protocol that this end is to dial. */
  readonly chosen: string | undefined
}

/** Facts of a peer that never change. */
export interface PeerFacts {
  readonly id: number
  readonly publicKey: PublicKey
  /** The address inside the tunnel, derived from the key. */
  readonly address: string
  readonly endpoints: readonly ParsedEndpoint[]
  /** Endpoint at which it was seen, if none was configured. */
  readonly seen: Endpoint | undefined
  readonly maxPriority: number
  /** The order to stay connected. */
  readonly connect: KeepOrder | undefined
}

/** Link from all peers to their device. */
export interface PeerHost {
  readonly connections: ConnectionRoutes
  readonly dials: DialRoutes
  /** Messages of all peers. */
  readonly inbox: DeviceInbox<Message>
  readonly lanes: LaneTotals
  event(event: PeerEvent): void
  /** It gets its first connection. False: it may not, and was dropped. */
  entered(publicKey: PublicKey): boolean
  /** It lost its last connection. */
  left(publicKey: PublicKey): void
  /** It is being removed. */
  leaving(publicKey: PublicKey): void
  /** The driver has forgotten the peer. */
  removed(publicKey: PublicKey, id: number): void
}

/** A peer, of type `P`, as its driver's events see it: handed out once, when it is made. */
export interface PeerReceiver<P> extends Guest {
  up(handshakeMs: number, endpoint: Endpoint | undefined): void
  rekeyed(): void
  moved(from: Endpoint | undefined, to: Endpoint): void
  /** An initiation to there went unanswered until the next was due. */
  unanswered(to: Endpoint): void
  /** The system refused to send an initiation there. */
  unreachable(to: Endpoint, errno: number): void
  /** It sent a packet that is longer than our MTU. */
  oversized(length: number): void
  down(reason: 'expired' | 'handshake-timeout' | 'left'): void
  packet(packet: Buffer): void
  /** A dial of this end's takes what is to be sent, before it is up. */
  early(connection: number, protocol: string): void
  /** A connection is up; `undefined`: the peer is being removed and takes none. */
  connected(
    connection: number,
    initiator: 'local' | 'remote',
    protocol: string,
    theirs: PeerLists,
  ): Connection | undefined
  /** Whether a connection is up in the family of a protocol. */
  hasCurrent(protocol: string): boolean
  /** A dial of its was refused here. */
  dialRefused(refusal: RefusedDial): void
  /** Facts by which `canClose` looks at it. */
  closingFacts(protocol: string): ClosingFacts<P>
  /** The device is closing: dials and reconnection end. */
  deviceClosing(error: Error): void
}
