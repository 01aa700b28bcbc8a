/**
 * The seam between the API and an engine with its I/O.
 *
 * Both drivers run the same engine. They differ in who owns the sockets and the clock: a native thread (`drivers/native.ts`),
 * or this process's event loop (`drivers/script.ts`). Ids are numbers; nothing here decides anything.
 */

import type { Buffer } from 'node:buffer'

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

/** What one priority is allowed, on every connection. */
export interface DriverLane {
  readonly priority: number
  /** When more than `maxQueuedBytes` would wait: 'wait' limits nothing here, for admission does. */
  readonly full: 'wait' | 'drop-oldest' | 'drop-newest' | 'close'
  /** Message bytes of one connection that have not begun to leave. */
  readonly maxQueuedBytes: number
  /** Of all connections of the device together. */
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
   * Copies `bytes` before it returns. `message` is the caller's, unique within the device. `lifetime`: how long it has left
   * from now; undefined: no end.
   */
  sendMessage(
    connection: number,
    message: number,
    priority: number,
    lifetime: number | undefined,
    bytes: Uint8Array,
  ): void
  /** `messageSettled` follows, with this reason unless the peer had it whole before. */
  cancelMessage(connection: number, message: number, reason: 'cancelled' | 'replaced' | 'expired'): void
  /** Copies `bytes` once, for any number of `sendShared`. They are freed after `unshare`, when no queue holds them. */
  share(bytes: Uint8Array): number
  sendShared(connection: number, message: number, priority: number, lifetime: number | undefined, share: number): void
  unshare(share: number): void
  releaseMessages(connection: number, priority: number, bytes: number): void
  sendDatagram(connection: number, bytes: Uint8Array): boolean
  maxDatagramSize(connection: number): number

  /** `stream` is the caller's: an even number, unique within the device. */
  openStream(
    connection: number,
    stream: number,
    bidirectional: boolean,
    priority: number,
    name: string | undefined,
  ): void
  writeStream(stream: number, chunk: Uint8Array): void
  finishStream(stream: number): void
  resetStream(stream: number, code: number): void
  /** Ends the stream if the peer has acknowledged everything that was written; else it is as `resetStream`. */
  leaveStream(stream: number, code: number): void
  stopStream(stream: number, code: number): void
  setStreamPriority(stream: number, priority: number): void
  /** From the first grant on, be it of 0, the stream's end is told once nothing lies before it. */
  grantStream(stream: number, bytes: number): void

  /** Counters by name. */
  stats(): Record<string, number>
  /** Where the tunnel is, or is about to be tried: 'ip:port', '[v6]:port' or '[v6%number]:port'. */
  peerEndpoint(peer: number): string | undefined
  peerStats(peer: number): Record<string, number> | undefined
  connectionStats(connection: number): Record<string, number> | undefined
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

/** What a driver tells, in the order it happened; called from its one wake per batch. */
export interface Receiver {
  peerUp(peer: number, handshakeMs: number): void
  peerRekeyed(peer: number): void
  peerMoved(peer: number, from: string | undefined, to: string): void
  peerUnanswered(peer: number, attempt: number, to: string): void
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
  messageSettled(connection: number, message: number, outcome: DriverOutcome): void

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

/** How a message that was sent ended. */
export type DriverOutcome = 'delivered' | 'expired' | 'cancelled' | 'replaced' | 'dropped' | 'lost'

/** Figures of one lane of one connection. */
export interface DriverLaneStats {
  readonly priority: number
  /** Of messages that have not begun to leave, this and the two below. */
  readonly queuedBytes: number
  readonly queuedMessages: number
  readonly oldest: number
  readonly sentBytes: number
  readonly delivered: number
  readonly expired: number
  readonly cancelled: number
  readonly replaced: number
  readonly dropped: number
  readonly lost: number
  /** From the queue until the first byte was written. */
  readonly waited: DriverHistogram
  /** From the queue until the peer's device held it whole. */
  readonly delivery: DriverHistogram
}

/** Durations in milliseconds. Percentiles are upper bounds of their buckets, which are an eighth of an octave wide. */
export interface DriverHistogram {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Those that are not empty, shortest first: durations above the one before, up to `le`. */
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
