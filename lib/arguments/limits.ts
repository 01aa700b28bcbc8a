import type { DriverLimits } from '../driver.js'
import { type Check, integer, optional, parseOptions } from './options.js'

/** Bounds on what peers and strangers can make a device hold, and on what it queues itself. `docs/api.md` tells what happens past each. */
export interface Limits {
  /** Number of peers at once. Default 65,536. */
  readonly peers: number
  /** Number of connected peers that `authorize` let in from one IPv4 address or IPv6 /64. Default: a quarter of `peers`. */
  readonly peersPerAddress: number
  /** Number of strangers whose authorization is under way. Default 256. */
  readonly pendingAuthorizations: number
  /** Strangers' handshakes opened in a second, all together. Default 1,000. */
  readonly handshakesPerSecond: number
  /** Bytes of the largest message, sent or taken. Default 16 MiB. */
  readonly messageBytes: number
  /**
   * Bytes that wait to leave the device. A message counts only what waits at its priority or above; all lanes together may hold four
   * times as much. Default 256 MiB.
   */
  readonly queuedBytes: number
  /** Bytes that wait to leave to one peer, counted in the same way. Default 64 MiB. */
  readonly queuedBytesPerPeer: number
  /** Bytes of messages that arrived and nobody took yet, per connection, counted by lanes like `queuedBytes`. Default 32 MiB. */
  readonly receiveBytesPerConnection: number
  /** Number of streams that a peer may have open at once, of each kind; a message is one while it travels. Default 256, least 32. */
  readonly streamsPerConnection: number
  /** Number of connections that arrived and no listener took yet. Default 64. */
  readonly pendingConnections: number
  /** Bytes of raw packets that wait, per peer. Default 1 MiB. */
  readonly packetBytesPerPeer: number
}

/** Checks the `limits` of a device. */
export const limits: Check<Limits> = (value, name) => {
  const { peersPerAddress, ...rest } = parseOptions(name, value, CHECKS)
  return { ...rest, peersPerAddress: peersPerAddress ?? Math.ceil(rest.peers / 4) }
}

/** The limits that the engine counts; the others are counted in `queued-bytes.ts` and `strangers.ts`. */
export function driverLimits(all: Limits): DriverLimits {
  const { queuedBytes: _, queuedBytesPerPeer: __, peersPerAddress: ___, ...engine } = all
  return engine
}

const MIB = 2 ** 20
const MOST = 2 ** 32 - 1

const CHECKS = {
  peers: optional(integer(1, 2 ** 20), 65_536),
  peersPerAddress: optional(integer(1, 2 ** 20), undefined),
  pendingAuthorizations: optional(integer(0, 65_536), 256),
  handshakesPerSecond: optional(integer(1, 1_000_000), 1_000),
  messageBytes: optional(integer(1, 2 ** 30), 16 * MIB),
  queuedBytes: optional(integer(1, Number.MAX_SAFE_INTEGER), 256 * MIB),
  queuedBytesPerPeer: optional(integer(1, Number.MAX_SAFE_INTEGER), 64 * MIB),
  receiveBytesPerConnection: optional(integer(1, MOST), 32 * MIB),
  streamsPerConnection: optional(integer(32, 65_536), 256),
  pendingConnections: optional(integer(0, 65_536), 64),
  packetBytesPerPeer: optional(integer(0, MOST), MIB),
} satisfies { [K in keyof Limits]: Check<number | undefined> }

/** Limits of a device that names none. */
export const DEFAULT_LIMITS: Limits = limits({}, 'limits')
