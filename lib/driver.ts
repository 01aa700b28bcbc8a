/**
 * The seam between the API and an engine with its I/O.
 *
 * Both drivers run the same engine. They differ in who owns the sockets and the clock: a native thread (`drivers/native.ts`),
 * or this process's event loop (`drivers/script.ts`). Ids are numbers; nothing here decides anything. Its events (`Receiver`)
 * and its figures are in `generated`.
 */

import type { ConnectionFigures, DeviceFigures, PeerFigures } from './generated/figures.js'
import type { CloseCause, ClosedBy, Outcome, Receiver } from './generated/records.js'

export type { DialRefusal, Outcome, PeerLists, Receiver } from './generated/records.js'

/** Opens an engine with its sockets bound. Rejects with a `WarrenError`. */
export type OpenDriver = (options: DriverOptions, receiver: Receiver) => Promise<Driver>

/** All values are parsed and checked; durations in milliseconds, rates in bits per second, sizes in bytes. */
export interface DriverOptions {
  readonly privateKey: Uint8Array
  readonly listen: { readonly host: string | undefined; readonly port: number }
  /** For peers that have none of their own. */
  readonly protocols: DriverProtocols
  readonly mtu: number
  /** The longest packet that is taken, and that connections may find their path to carry. */
  readonly maxMtu: number
  readonly authorize: boolean
  readonly authorizeTimeout: number
  readonly deadAfter: number
  readonly heartbeat: number | undefined
  readonly uplink: number | undefined
  /** Lanes with a policy of their own; all others wait when they are full, and have no rate. */
  readonly lanes: readonly DriverLane[]
  readonly limits: DriverLimits
}

/** Protocols for a peer, each list best first: at most 64 names of 1 to 255 bytes, none twice. */
export interface DriverProtocols {
  /** Counts the changes for one peer, over all connections of the pair and as long as this process lives. */
  readonly generation: number
  /** Protocols that this end dials with. */
  readonly offer: readonly string[]
  /** Protocols that this end accepts from diallers. */
  readonly accept: readonly string[]
  /** Known here, and left out of the others for a floor. A peer that offers one is told so. */
  readonly below: readonly string[]
  /** Transports that this end speaks: 'quic/1'. */
  readonly transports: readonly string[]
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

  /**
   * Replaces the protocols of one peer, or of all that have none of their own (`peer` undefined); `protocols` undefined: the peer has
   * none of its own any more. They count from the next hello on, of either end. A connection that comes up on an older hello is told
   * the newer lists by itself; those that are up are told by `announce`.
   */
  setProtocols(peer: number | undefined, protocols: DriverProtocols | undefined): void
  /** Tells the peer on this connection which lists are this end's from now on. A peer whose generation is undefined skips it. */
  announce(connection: number, protocols: DriverProtocols): void
  /** Another connection took the place of this one, which goes on with what it has: no dial is content with it, or refused for its sake. */
  supersede(connection: number): void
  /** Takes back `supersede`: the connection that took the place of this one is gone. */
  takeBack(connection: number): void
  /** Tells the peer that this end sends no more on a connection, once the peer holds all that was sent: `finished` there. */
  finish(connection: number): void

  /**
   * Asks for these protocols, which this dial offers whatever the lists say; undefined: for anything in the lists of both ends.
   * Where the pair speaks a protocol that the peer alone offers, it ends with the cause 'peer-dials', and the peer is told that it
   * has to dial (`dialRefused` there). `early`: where that can be, the event `early` comes first.
   */
  connect(
    peer: number,
    protocols: readonly string[] | undefined,
    timeout: number,
    early?: boolean,
  ): { connection: number; live: boolean }
  /** Gives up a dial. Where its connection is up already, the peer may send on it: `connected` tells of it, or has. */
  abandonDial(connection: number): void
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
  readonly by: ClosedBy
  readonly code: number
  /** As it can be shown; `rawReason` is what came, where that differs. */
  readonly reason: string
  readonly rawReason?: string | undefined
  readonly cause: CloseCause
  /** Protocols that the peer would accept, where it refused a dial for the lists. */
  readonly accepts?: readonly string[] | undefined
}

/** The code of a stream that is destroyed, which the peer is told: Node's `destroy` has no number to pass. */
export const NO_CODE = 0
