/**
 * The seam between the API and an engine with its I/O.
 *
 * Both drivers run the same engine. They differ in who owns the sockets and the clock: a native thread (`drivers/native.ts`),
 * or this process's event loop (`drivers/script.ts`). Ids are numbers; nothing here decides anything.
 */

import type { Buffer } from 'node:buffer'
import type { ConnectionFigures, DeviceFigures, PeerFigures } from './generated/figures.js'

/** Opens an engine with its sockets bound. Rejects with a `WarrenError`. */
export type OpenDriver = (options: DriverOptions, receiver: Receiver) => Promise<Driver>

/** All values are parsed and checked; durations in milliseconds, rates in bits per second, sizes in bytes. */
export interface DriverOptions {
  readonly privateKey: Uint8Array
  readonly listen: { readonly host: string | undefined; readonly port: number }
  readonly protocols: readonly string[]
  readonly mtu: number
  readonly authorize: boolean
  readonly authorizeTimeout: number
  readonly deadAfter: number
  readonly heartbeat: number | undefined
  readonly uplink: number | undefined
  /** Lanes with a policy of their own; all others wait when they are full, and have no rate. */
  readonly lanes: readonly DriverLane[]
  readonly limits: DriverLimits
}

/** Policy of one priority, on every connection. */
export interface DriverLane {
  readonly priority: number
  /** Policy where more than `maxQueuedBytes` would wait. 'wait' limits nothing here, for admission does. */
  readonly full: 'wait' | 'drop-oldest' | 'drop-newest' | 'close'
  /** Message bytes of one connection that have not begun to leave. */
  readonly maxQueuedBytes: number
  /** Bound of all connections of the device together. */
  readonly rate: number | undefined
}

/** The limits that the engine enforces; the others are counted in TypeScript. */
export interface DriverLimits {
  readonly peers: number
  readonly pendingAuthorizations: number
  readonly handshakesPerSecond: number
  readonly messageBytes: number
  readonly receiveBytesPerConnection: number
  readonly streamsPerConnection: number
  readonly pendingConnections: number
  readonly packetBytesPerPeer: number
}

export interface DriverPeer {
  readonly publicKey: string
  readonly endpoints: readonly string[] // resolved, 'ip:port' | '[v6]:port' | '[v6%number]:port', best first
  readonly presharedKey: Uint8Array | undefined
  readonly allowedIPs: readonly string[]
  readonly persistentKeepalive: number | undefined // seconds
}

export interface DriverPeerChanges {
  readonly endpoints?: readonly string[] | undefined
  readonly presharedKey?: Uint8Array | null | undefined // null: none any more
  readonly allowedIPs?: readonly string[] | undefined
  readonly persistentKeepalive?: number | null | undefined
  readonly replace?: boolean | undefined // take prefixes from the peers that have them
}

/** Commands. Those that return an id or throw are answered by the engine at once; the others are queued, one wake per turn. */
export interface Driver {
  readonly address: { readonly host: string; readonly port: number }

  addPeer(peer: DriverPeer): number
  updatePeer(peer: number, changes: DriverPeerChanges): void
  removePeer(peer: number, code: number, reason: string): void
  authorize(peer: DriverPeer): number
  refuse(publicKey: string): void
  sendPacket(peer: number, packet: Uint8Array): boolean

  connect(
    peer: number,
    protocols: readonly string[] | undefined,
    timeout: number,
  ): { connection: number; live: boolean }
  claim(connection: number): void
  closeConnection(connection: number, code: number, reason: string, grace: number): void
  /**
   * Copies `bytes` before it returns. `id` is the caller's, unique within the device. `lifetime`: how long it has left from now;
   * undefined: no end.
   */
  sendMessage(connection: number, id: number, priority: number, lifetime: number | undefined, bytes: Uint8Array): void
  /** `messageSettled` follows, with this reason unless the peer had it whole before. */
  cancelMessage(connection: number, message: number, reason: 'cancelled' | 'replaced'): void
  /** Copies `bytes` once, for any number of `sendShared`. They are freed after `unshare`, when no queue holds them. */
  share(bytes: Uint8Array): number
  sendShared(connection: number, id: number, priority: number, lifetime: number | undefined, share: number): void
  unshare(share: number): void
  releaseMessages(connection: number, priority: number, bytes: number): void
  sendDatagram(connection: number, bytes: Uint8Array): boolean
  maxDatagramSize(connection: number): number

  /** `id` is the caller's: an even number, unique within the device. */
  openStream(connection: number, id: number, bidirectional: boolean, priority: number, name: string | undefined): void
  writeStream(stream: number, chunk: Uint8Array): void
  finishStream(stream: number): void
  resetStream(stream: number, code: number): void
  /** Ends the stream if the peer has acknowledged everything that was written; else it is as `resetStream`. */
  leaveStream(stream: number, code: number): void
  stopStream(stream: number, code: number): void
  setStreamPriority(stream: number, priority: number): void
  /** From the first grant on, be it of 0, the stream's end is told once nothing lies before it. */
  grantStream(stream: number, bytes: number): void

  /** Figures by name, counters and levels. */
  stats(): DeviceFigures & SocketErrors
  /** Endpoint of the tunnel, or the one about to be tried: 'ip:port', '[v6]:port' or '[v6%number]:port'. */
  peerEndpoint(peer: number): string | undefined
  peerStats(peer: number): PeerFigures | undefined
  connectionStats(connection: number): ConnectionFigures | undefined
  /** One for each lane that was ever used, lowest first; also of a connection that has ended, until 256 others have. */
  laneStats(connection: number): readonly DriverLaneStats[] | undefined
  /** The same, summed over all connections that the device, or a peer, has and had. */
  deviceLanes(): readonly DriverLaneStats[]
  peerLanes(peer: number): readonly DriverLaneStats[] | undefined

  /** Tells every peer, flushes, frees the port, joins the thread. Idempotent. */
  close(code: number, reason: string): Promise<void>
  ref(): void
  unref(): void
}

/** Events of a driver, in the order in which they happened; called from its one wake per batch. */
export interface Receiver {
  peerUp(peer: number, handshakeMs: number): void
  peerRekeyed(peer: number): void
  peerMoved(peer: number, from: string | undefined, to: string): void
  peerUnanswered(peer: number, to: string): void
  /** The system refused to send an initiation there; `errno` is its error number, positive. */
  peerUnreachable(peer: number, to: string, errno: number): void
  /** It sent a packet that is longer than our MTU, which was dropped; told once a peer. */
  peerOversized(peer: number, length: number): void
  peerDown(peer: number, reason: 'expired' | 'handshake-timeout' | 'left'): void
  stranger(publicKey: string, endpoint: string): void
  strangerGone(publicKey: string): void
  packet(peer: number, packet: Buffer): void

  connected(connection: number, peer: number, initiator: 'local' | 'remote', protocol: string): void
  connectionClosed(connection: number, close: DriverClose): void
  datagram(connection: number, bytes: Buffer): void

  /** `bytes` owns its memory. */
  message(connection: number, priority: number, bytes: Buffer): void
  laneDrained(connection: number, priority: number, bytes: number): void
  messageSettled(connection: number, message: number, outcome: Outcome): void

  /** `name` is empty for none. */
  streamOpened(connection: number, stream: number, bidirectional: boolean, priority: number, name: string): void
  /** `chunk` is a slice of a slab shared with other chunks; the slab is never written again. */
  streamData(stream: number, chunk: Buffer): void
  streamEnd(stream: number): void
  streamReset(stream: number, code: number): void
  /** `whole`: the peer has acknowledged everything that was written. */
  streamStopped(stream: number, code: number, whole: boolean): void
  streamDrained(stream: number, bytes: number): void
  streamFinished(stream: number): void

  /** The device is dead: a panic, or its socket lost for good. Nothing follows. */
  failed(message: string): void
}

/**
 * The end of a message that was sent. 'delivered': the peer's device holds all of it. 'expired': its `lifetime` ended first. 'cancelled':
 * it was taken back in time. 'replaced': a later one of its slot took its place. 'dropped': a full lane or the peer refused it. 'lost':
 * the connection ended first, and nobody knows.
 */
export type Outcome = 'delivered' | 'expired' | 'cancelled' | 'replaced' | 'dropped' | 'lost'

/** Errors of a device's sockets. */
export interface SocketErrors {
  /**
   * Number of datagrams that the system refused to send, and of reads that it refused, by the error's code, as `sendErrorENETUNREACH`.
   * A counter, absent until it happened.
   */
  readonly [counter: `sendError${string}` | `receiveError${string}`]: number | undefined
}

/** Figures of one priority, as the engine has them: of a connection, or summed over those of a peer or a device. */
export interface DriverLaneStats extends Readonly<Record<Outcome, number>> {
  /** The priority that the lane is for, 0 to 255. */
  readonly priority: number
  /** Number of messages that were admitted and have not begun to leave. */
  readonly queuedMessages: number
  /** Bytes that were admitted and are not yet written to the transport. */
  readonly queuedBytes: number
  /** Age of the oldest of these, in milliseconds. */
  readonly oldest: number
  /** Bytes that were written to the transport. */
  readonly sentBytes: number
  /** Time from admission until the message began to leave. */
  readonly waited: Histogram
  /** Time from admission until the sender knew that the peer's device holds the whole message. */
  readonly delivery: Histogram
}

/**
 * Durations in milliseconds, counted in buckets an eighth of an octave wide. Percentiles are upper bounds of their buckets.
 */
export interface Histogram {
  /** Number of durations. */
  readonly count: number
  /** All of them together, in milliseconds. */
  readonly sum: number
  /** Half of them were shorter, in milliseconds. */
  readonly p50: number
  /** 99 of 100 were shorter, in milliseconds. */
  readonly p99: number
  /** The longest, in milliseconds. */
  readonly max: number
  /** Buckets that are not empty, shortest first: `count` durations above the bucket before, up to `le` milliseconds. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

export interface DriverClose {
  readonly by: 'local' | 'remote' | 'network'
  readonly code: number
  /** As it can be shown; `rawReason` is what came, where that differs. */
  readonly reason: string
  readonly rawReason?: string | undefined
  readonly cause:
    | 'application'
    | 'peer-dead'
    | 'peer-restarted'
    | 'peer-removed'
    | 'no-handshake'
    | 'no-transport'
    | 'no-endpoint'
    | 'no-protocol'
    | 'refused'
    | 'duplicate'
    | 'protocol'
    | 'lane-full'
}

/** The code of a stream that is destroyed, which the peer is told: Node's `destroy` has no number to pass. */
export const NO_CODE = 0
