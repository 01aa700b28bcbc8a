import type { DriverClose } from './driver.js'
import { type Caller, calledFrom } from './waiting/caller.js'

/** Every code that an error of this package can carry; each has a heading in `docs/errors.md`. */
export const WARREN_ERROR_CODES = [
  'ERR_WARREN_ADDON_LOADED',
  'ERR_WARREN_ADDON_NOT_FOUND',
  'ERR_WARREN_ADDRESS_IN_USE',
  'ERR_WARREN_ALLOWED_IP_CONFLICT',
  'ERR_WARREN_BELOW_FLOOR',
  'ERR_WARREN_CONNECTION_CLOSED',
  'ERR_WARREN_CONNECTION_REFUSED',
  'ERR_WARREN_DATAGRAM_TOO_LARGE',
  'ERR_WARREN_DEVICE_CLOSED',
  'ERR_WARREN_DEVICE_FAILED',
  'ERR_WARREN_INVALID_ARGUMENT',
  'ERR_WARREN_INVALID_CONFIG',
  'ERR_WARREN_INVALID_ENDPOINT',
  'ERR_WARREN_INVALID_KEY',
  'ERR_WARREN_INVALID_PACKET',
  'ERR_WARREN_LANE_FULL',
  'ERR_WARREN_LISTEN_FAILED',
  'ERR_WARREN_LISTS_DIFFER',
  'ERR_WARREN_MESSAGE_TOO_LARGE',
  'ERR_WARREN_MTU_TOO_SMALL',
  'ERR_WARREN_NAME_NOT_RESOLVED',
  'ERR_WARREN_NO_COMMON_PROTOCOL',
  'ERR_WARREN_NO_ENDPOINT',
  'ERR_WARREN_NO_HANDSHAKE',
  'ERR_WARREN_NO_TRANSPORT',
  'ERR_WARREN_OWN_KEY',
  'ERR_WARREN_PEER_DEAD',
  'ERR_WARREN_PEER_DIALS',
  'ERR_WARREN_PEER_EXISTS',
  'ERR_WARREN_PEER_REMOVED',
  'ERR_WARREN_PEER_RESTARTED',
  'ERR_WARREN_PROTOCOL_VIOLATION',
  'ERR_WARREN_QUEUE_FULL',
  'ERR_WARREN_STREAM_ENDED',
  'ERR_WARREN_STREAM_RESET',
  'ERR_WARREN_STREAM_STOPPED',
  'ERR_WARREN_TOO_MANY_PEERS',
  'ERR_WARREN_UNKNOWN_OPTION',
] as const

/** A stable name of a failure: compare this, never the message. */
export type WarrenErrorCode = (typeof WARREN_ERROR_CODES)[number]

/** An endpoint that was asked for a handshake in vain. */
export interface Tried {
  /** The address and port that were asked: an `Endpoint`. */
  readonly endpoint: string
  /** Number of initiations that nobody answered, or that the system refused to send. */
  readonly times: number
  /** The system's name for why it refused the last of them, such as 'ENETUNREACH'; `undefined` where it was sent. */
  readonly error: string | undefined
}

/** Facts beside the code and the message. */
export interface WarrenErrorFacts {
  readonly peer?: string | undefined
  readonly tried?: readonly Tried[] | undefined
  readonly cause?: unknown
}

const BRAND = Symbol.for('warren.WarrenError')

/**
 * A failure that is nobody's wrong argument: the network, a peer, a limit, or the end of what was used.
 * Wrong arguments are a `TypeError` or a `RangeError` with a `code` of the same kind.
 *
 * @example
 * ```js
 * try {
 *   await peer.connect()
 * } catch (error) {
 *   if (!WarrenError.is(error) || error.code !== 'ERR_WARREN_NO_HANDSHAKE') throw error
 *   for (const { endpoint, times } of error.tried) console.error(`${endpoint} did not answer ${times} times`)
 * }
 * ```
 */
export class WarrenError extends Error {
  /** The stable name of the failure; each has a heading in `docs/errors.md`. */
  readonly code: WarrenErrorCode
  /** The public key of the peer concerned, if it is about one. */
  readonly peer: string | undefined
  /** The endpoints that were asked for a handshake in vain, if it is about that. */
  readonly tried: readonly Tried[] | undefined

  constructor(code: WarrenErrorCode, message: string, facts: WarrenErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.peer = facts.peer
    this.tried = facts.tried
  }

  static {
    Object.defineProperty(WarrenError.prototype, 'name', { value: 'WarrenError', configurable: true, writable: true })
    Object.defineProperty(WarrenError.prototype, BRAND, { value: true })
  }

  /** Tells a `WarrenError` from other values, also one of another copy of the package or of another realm. */
  static is(value: unknown): value is WarrenError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** A failure as the error of one call: its own, with the frames of its caller, for several calls may share a failure. */
export function failureOf(error: unknown, caller: Caller): unknown {
  return error instanceof WarrenError ? calledFrom(new WarrenError(error.code, error.message, error), caller) : error
}

/** The names by which the engine, its I/O and the operating system call a failure. */
export type NativeCause = keyof typeof NATIVE

/** The error for a failure that a driver reported by its `code`; a `WarrenError` passes unchanged. */
export function fromNative(failure: unknown, peer?: string): WarrenError {
  if (WarrenError.is(failure)) return failure
  const { code, message } = Object(failure) as { code?: unknown; message?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(NATIVE, code) ? (code as NativeCause) : 'failed'
  const detail = typeof message === 'string' && message !== code ? message : ''
  const more = SAID.has(known) ? (ADDRESS.exec(detail)?.[0] ?? '') : detail
  return nativeError(known, more, { peer, cause: failure })
}

/** The error of a connection that ended for this cause, or `undefined` where an application closed it. */
export function fromClose(close: DriverClose, peer: string): WarrenError | undefined {
  return close.cause === 'application' ? undefined : nativeError(close.cause, close.reason, { peer })
}

/** The error for a native cause, with what is known besides. */
export function nativeError(cause: NativeCause, detail: string, facts: WarrenErrorFacts): WarrenError {
  const [code, sentence] = NATIVE[cause]
  return new WarrenError(code, detail === '' ? sentence : `${sentence} (${detail})`, facts)
}

/** All that a driver may report; the names of `native/binding/src/errors.rs` among them. */
export function nativeCauses(): readonly NativeCause[] {
  return Object.keys(NATIVE) as NativeCause[]
}

/** The one table from native causes to codes, each with what to do about it. */
const NATIVE = {
  'already-exists': [
    'ERR_WARREN_PEER_EXISTS',
    'The device has a peer with this key already; use device.peers.get(key).update(…)',
  ],
  'peer-leaving': [
    'ERR_WARREN_PEER_EXISTS',
    'The peer with this key is being removed; await its remove() before it is added again',
  ],
  'own-key': ['ERR_WARREN_OWN_KEY', "The key is the device's own; a device cannot be its own peer"],
  'low-order-key': [
    'ERR_WARREN_INVALID_KEY',
    'The key is a point of low order, which no private key gives; check where it came from',
  ],
  'allowed-ip-conflict': [
    'ERR_WARREN_ALLOWED_IP_CONFLICT',
    'Another peer has this prefix; take it over with peer.update({ allowedIPs, replace: true }), or remove it there',
  ],
  'too-many-peers': [
    'ERR_WARREN_TOO_MANY_PEERS',
    'The device has as many peers as limits.peers allows; remove some, or raise it',
  ],
  'too-many-of-address': [
    'ERR_WARREN_TOO_MANY_PEERS',
    'As many strangers of its address as limits.peersPerAddress allows are connected',
  ],

  'mtu-too-small': ['ERR_WARREN_MTU_TOO_SMALL', 'QUIC needs an inner MTU of at least 1248 bytes'],
  EADDRINUSE: ['ERR_WARREN_ADDRESS_IN_USE', 'The port is in use; listen on another one, or on 0 for any free one'],
  EADDRNOTAVAIL: [
    'ERR_WARREN_LISTEN_FAILED',
    'This machine does not have the address; listen on one of its own, or leave out the host',
  ],
  EACCES: ['ERR_WARREN_LISTEN_FAILED', 'Not permitted to use this port; take one above 1023'],
  'listen-failed': ['ERR_WARREN_LISTEN_FAILED', 'The socket could not be opened'],
  'invalid-argument': ['ERR_WARREN_INVALID_ARGUMENT', 'The engine takes no such value'],
  'device-closed': ['ERR_WARREN_DEVICE_CLOSED', 'The device is closed; open a new one'],
  'stranger-gone': ['ERR_WARREN_NO_HANDSHAKE', 'The stranger asks no more; it is let in when it asks again in time'],
  failed: ['ERR_WARREN_DEVICE_FAILED', 'The device failed; close it and open a new one'],
  'node-api': [
    'ERR_WARREN_DEVICE_FAILED',
    'Node did not do what the addon asked of it; its memory or this thread may be at an end',
  ],
  'addon-loaded': ['ERR_WARREN_ADDON_LOADED', 'The addon is loaded already; call setAddonPath() before all else'],
  'addon-not-found': ['ERR_WARREN_ADDON_NOT_FOUND', 'The native addon could not be loaded'],

  'peer-dead': [
    'ERR_WARREN_PEER_DEAD',
    'The peer did not answer for as long as deadAfter allows; it is redialled if this end dialled',
  ],
  'peer-restarted': [
    'ERR_WARREN_PEER_RESTARTED',
    "The peer's process is a new one and knows nothing of this connection; use the new connection",
  ],
  'peer-removed': ['ERR_WARREN_PEER_REMOVED', 'The peer was removed from the device; add it again to use it'],
  'no-handshake': ['ERR_WARREN_NO_HANDSHAKE', 'No WireGuard handshake response'],
  'no-transport': ['ERR_WARREN_NO_TRANSPORT', 'The tunnel is up, but nothing in it answers'],
  'no-endpoint': ['ERR_WARREN_NO_ENDPOINT', 'The peer has no endpoint yet; add it with one, or wait until it dials'],
  'no-protocol': [
    'ERR_WARREN_NO_COMMON_PROTOCOL',
    'The two ends have no application protocol in common; compare the lists in protocols',
  ],
  'below-floor': [
    'ERR_WARREN_BELOW_FLOOR',
    'The peer accepts nothing as old as what was offered; offer a newer version',
  ],
  'peer-dials': [
    'ERR_WARREN_PEER_DIALS',
    'The two ends speak a protocol that the peer alone offers, and its dial did not come in time; offer it here too, or give connect() more time',
  ],
  'lists-differ': [
    'ERR_WARREN_LISTS_DIFFER',
    'The two ends saw different lists of protocols: somebody altered one on its way, in one of the two devices',
  ],
  refused: [
    'ERR_WARREN_CONNECTION_REFUSED',
    'The peer had no room for another connection whenever it was asked (limits.pendingConnections there); give connect() more time',
  ],
  duplicate: ['ERR_WARREN_CONNECTION_REFUSED', 'The peer kept another connection, which did not come up here'],
  protocol: ['ERR_WARREN_PROTOCOL_VIOLATION', 'The two ends disagree about the protocol; compare their versions'],
  'lane-full': [
    'ERR_WARREN_LANE_FULL',
    "A lane whose policy is to close was full; send less there, or choose another policy in the device's lanes",
  ],
} as const satisfies Record<
  Exclude<DriverClose['cause'], 'application'> | (string & {}),
  readonly [WarrenErrorCode, string]
>

/** Causes of which a driver says in its words what the table says: what stays of that is the address that it names. */
const SAID: ReadonlySet<NativeCause> = new Set([
  'already-exists',
  'own-key',
  'low-order-key',
  'too-many-peers',
  'mtu-too-small',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'device-closed',
  'stranger-gone',
  'peer-removed',
])
const ADDRESS = /\S*:\d+/
