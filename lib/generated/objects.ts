// Written by scripts/build/commands.mjs from native/binding/src, by every build.

import type { EngineLimits } from './limits.js'

/** A peer as it is added. */
export interface DriverPeer {
  /** In base64. */
  readonly publicKey: string
  /** Addresses, resolved, best first: `ip:port`, `[v6]:port` or `[v6%number]:port`. */
  readonly endpoints: readonly string[]
  /** 32 bytes. */
  readonly presharedKey: Uint8Array | undefined
  /** Prefixes of the addresses that are the peer's. */
  readonly allowedIPs: readonly string[]
  /** Seconds. */
  readonly persistentKeepalive: number | undefined
}

/** Changes to a peer: an absent option stays as it is, `null` takes it away. */
export interface DriverPeerChanges {
  /** Addresses, resolved, best first. */
  readonly endpoints?: readonly string[] | undefined
  /** 32 bytes. */
  readonly presharedKey?: Uint8Array | null | undefined
  /** Prefixes of the addresses that are the peer's. */
  readonly allowedIPs?: readonly string[] | undefined
  /** Seconds. */
  readonly persistentKeepalive?: number | null | undefined
  /** Take prefixes from the peers that have them. */
  readonly replace?: boolean | undefined
}

/** Options of an engine, parsed and checked; durations in milliseconds, rates in bits per second, sizes in bytes. */
export interface EngineOptions {
  /** 32 bytes, which the driver wipes once the engine has read them. */
  readonly privateKey: Uint8Array
  /** Protocols for peers that have none of their own. */
  readonly protocols: DriverProtocols
  /** Bytes of the largest packet inside the tunnel. */
  readonly mtu: number
  /** Bytes of the largest that is taken, and that connections may find their path to carry. */
  readonly maxMtu: number
  /** Whether strangers are told of; else they are refused in silence. */
  readonly authorize: boolean
  /** Time for which a stranger's question stays open. */
  readonly authorizeTimeout: number
  /** Time without an answer after which a connection is down. */
  readonly deadAfter: number
  /** Time of silence after which a connection asks; undefined: never. */
  readonly heartbeat: number | undefined
  /** Rate of the link; undefined: not bounded. */
  readonly uplink: number | undefined
  /** Lanes with a policy of their own; all others wait when they are full, and have no rate. */
  readonly lanes: readonly DriverLane[]
  /** Limits that the engine enforces. */
  readonly limits: EngineLimits
}

/** Protocols for a peer, each list best first: at most 64 names of 1 to 255 bytes, none twice. */
export interface DriverProtocols {
  /** Number of changes for one peer, over all connections of the pair and as long as this process lives. */
  readonly generation: number
  /** Protocols that this end dials with. */
  readonly offer: readonly string[]
  /** Protocols that this end accepts from diallers. */
  readonly accept: readonly string[]
  /** Protocols that are known here, and left out of the others for a floor. A peer that offers one is told so. */
  readonly below: readonly string[]
  /** Transports that this end speaks: 'quic/1'. */
  readonly transports: readonly string[]
}

/** Policy of one priority, on every connection. */
export interface DriverLane {
  /** The priority that the lane is for. */
  readonly priority: number
  /** Policy where more than `maxQueuedBytes` would wait. 'wait' limits nothing here, for admission does. */
  readonly full: 'wait' | 'drop-oldest' | 'drop-newest' | 'close'
  /** Message bytes of one connection that have not begun to leave. */
  readonly maxQueuedBytes: number
  /** Bound of all connections of the device together, in bits per second. */
  readonly rate: number | undefined
}

/** Address and port to listen on. */
export interface ListenOptions {
  /** Address of this machine; undefined: all of them. */
  readonly host: string | undefined
  /** UDP port; 0: a free one. */
  readonly port: number
}

/** Figures of one priority: of a connection, or summed over those of a peer or a device. */
export interface LaneFigures {
  /** The priority that the lane is for, 0 to 255. */
  readonly priority: number
  /** Number of messages that were admitted and have not begun to leave. */
  readonly queuedMessages: number
  /** Bytes that were admitted and are not yet written to the transport. */
  readonly queuedBytes: number
  /** Age of the oldest of these, in milliseconds. */
  readonly oldest: number
  /** Bytes of messages and streams that were written to the transport. */
  readonly sentBytes: number
  /** Number of messages that the peer's device holds whole. */
  readonly delivered: number
  /** Number of messages whose lifetime ended first. */
  readonly expired: number
  /** Number of messages given up in time. */
  readonly cancelled: number
  /** Number of messages given up in time for newer ones. */
  readonly replaced: number
  /** Number of messages refused by the peer, or dropped by the full lane. */
  readonly dropped: number
  /** Number of messages whose connection ended first. */
  readonly lost: number
  /** Time from admission until the message began to leave. */
  readonly waited: Histogram
  /** Time from admission until the sender knew that the peer's device holds the whole message. */
  readonly delivery: Histogram
}

/**
 * Durations in milliseconds, counted in buckets an eighth of an octave wide. Percentiles are upper bounds of their
 * buckets.
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
  /** Buckets that are not empty, shortest first. */
  readonly buckets: readonly HistogramBucket[]
}

/** Durations above the bucket before, up to `le` milliseconds. */
export interface HistogramBucket {
  /** The upper bound, in milliseconds. */
  readonly le: number
  /** Number of durations. */
  readonly count: number
}
