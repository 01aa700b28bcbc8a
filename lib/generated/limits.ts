// Written by scripts/build/limits.mjs from native/engine/src/limits.rs, by every build.

/** Bounds on what peers and strangers can make a device hold, and on what it queues itself. `docs/api.md` tells what happens past each. */
export interface Limits {
  /** Number of peers at once. Default 65,536. */
  readonly peers: number
  /** Number of strangers whose authorization is under way. Default 256. */
  readonly pendingAuthorizations: number
  /** Number of strangers' handshakes opened in a second, all together; each takes some 470 us. Default 1,000. */
  readonly handshakesPerSecond: number
  /** Bytes of the largest message, sent or taken. Default 16 MiB. */
  readonly messageBytes: number
  /**
   * Bytes of messages that arrived and nobody took yet, for each connection, counted by lanes like `queuedBytes`; at
   * least `messageBytes`. Default 32 MiB.
   */
  readonly receiveBytesPerConnection: number
  /**
   * Number of byte streams that a peer may have open at once, of each kind, and of messages on their way. Default 256,
   * least 32.
   */
  readonly streamsPerConnection: number
  /** Number of connections that arrived and nobody took yet, dials of peers among them. Default 64. */
  readonly pendingConnections: number
  /** Bytes of raw packets that wait, for each peer, either way. Default 1 MiB. */
  readonly packetBytesPerPeer: number
  /**
   * Number of connected peers that `authorize` let in from one IPv4 address or IPv6 /64. Default: a quarter of `peers`.
   */
  readonly peersPerAddress: number
  /**
   * Bytes that wait to leave the device. A message counts only what waits at its priority or above; all lanes together
   * may hold four times as much. Default 256 MiB.
   */
  readonly queuedBytes: number
  /** Bytes that wait to leave to one peer, counted in the same way. Default 64 MiB. */
  readonly queuedBytesPerPeer: number
}

/** Names of the limits that the engine enforces; the others are counted in TypeScript. */
export const ENGINE_LIMITS = [
  'peers',
  'pendingAuthorizations',
  'handshakesPerSecond',
  'messageBytes',
  'receiveBytesPerConnection',
  'streamsPerConnection',
  'pendingConnections',
  'packetBytesPerPeer',
] as const

/** The limits that the engine enforces. */
export type EngineLimits = Pick<Limits, (typeof ENGINE_LIMITS)[number]>

/** Values of a limit. */
export interface LimitRule {
  readonly least: number
  readonly most: number
  /** The value where an application says nothing: a number, or a part of another limit, rounded up. */
  readonly otherwise: number | { readonly of: keyof Limits; readonly parts: number }
}

/** The rules of all limits. */
export const LIMIT_RULES: { readonly [K in keyof Limits]: LimitRule } = {
  peers: { least: 1, most: 1_048_576, otherwise: 65_536 },
  pendingAuthorizations: { least: 0, most: 65_536, otherwise: 256 },
  handshakesPerSecond: { least: 1, most: 1_000_000, otherwise: 1_000 },
  messageBytes: { least: 1, most: 1_073_741_824, otherwise: 16_777_216 },
  receiveBytesPerConnection: { least: 1, most: 4_294_967_295, otherwise: 33_554_432 },
  streamsPerConnection: { least: 32, most: 65_536, otherwise: 256 },
  pendingConnections: { least: 0, most: 65_536, otherwise: 64 },
  packetBytesPerPeer: { least: 0, most: 4_294_967_295, otherwise: 1_048_576 },
  peersPerAddress: { least: 1, most: 1_048_576, otherwise: { of: 'peers', parts: 4 } },
  queuedBytes: { least: 1, most: 9_007_199_254_740_991, otherwise: 268_435_456 },
  queuedBytesPerPeer: { least: 1, most: 9_007_199_254_740_991, otherwise: 67_108_864 },
}
