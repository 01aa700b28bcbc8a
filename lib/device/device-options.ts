import { isIP } from 'node:net'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { DEFAULT_LIMITS, limits } from '../arguments/limits.js'
import { type Check, flag, integer, listOf, oneOf, optional, parseOptions, signal } from '../arguments/options.js'
import { prefix } from '../arguments/prefix.js'
import type { Limits } from '../generated/limits.js'
import { PrivateKey, privateKeyOf } from '../keys.js'
import { type LaneTable, lanes, NO_LANES, type ParsedLanes } from '../outbox/lanes.js'
import type { MoveOptions } from '../runtime.js'
import type { Lists } from '../versions/choice.js'
import { type FamiliesOption, families } from '../versions/families.js'
import { DEFAULT_PROTOCOLS, type ProtocolsOption, protocolLists } from '../versions/protocols.js'
import { DEFAULT_TRANSPORTS, transports } from '../versions/transports.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import type { Authorize } from './authorization.js'

/** Options of `Device.open`. Durations are in milliseconds, sizes in bytes, rates in bits per second. */
export interface DeviceOptions {
  /** The key of this node: a `PrivateKey`, or its base64 as `wg genkey` prints it. */
  readonly privateKey: PrivateKey | string
  /** UDP port, or address and port. Default: a free port, IPv4 and IPv6. */
  readonly listen?: number | ListenOptions | undefined
  /**
   * Application protocols, best first: offered when dialling, accepted when dialled. An object says each by itself; `device.setProtocols()`
   * changes them. Default `['warren/1']`.
   */
  readonly protocols?: ProtocolsOption | undefined
  /** Families whose names differ, each with its versions, oldest first. Default: `ledger/1` and `ledger/2` are of the family `ledger`. */
  readonly families?: FamiliesOption | undefined
  /** Transports, best first. Default `['quic/1']`, the only one there is. */
  readonly transports?: readonly string[] | undefined
  /**
   * Moves of connections to the version of their protocol that both ends like best: `false` leaves them to `connection.supersede()`.
   * `grace`: milliseconds for which the connection before admits sends. Default: by themselves, with a grace of 5,000.
   */
  readonly moves?: boolean | { readonly auto?: boolean | undefined; readonly grace?: number | undefined } | undefined
  /** Decides about each key that proved itself and is no peer yet. Absent: all of them are refused in silence. */
  readonly authorize?: Authorize | undefined
  /** Milliseconds that `authorize` may take. Default 4,000: below the 5 s that two handshakes of a stranger are apart at most. */
  readonly authorizeTimeout?: number | undefined
  /** Milliseconds without a sign of a peer that `authorize` let in, after which it is a peer no more. Default 540,000. */
  readonly forgetAfter?: number | undefined
  /** Milliseconds without an answer after which a connection is down, with `ERR_WARREN_PEER_DEAD`. Default 15,000. */
  readonly deadAfter?: number | undefined
  /** Milliseconds of silence after which a connection asks whether the peer lives. Default 9,000; 0: never, and an idle one costs nothing. */
  readonly heartbeat?: number | undefined
  /** Owner of the sockets and the clock: 'native', a thread of its own (the default), or 'script', this process's event loop. */
  readonly driver?: 'native' | 'script' | undefined
  /** Addresses inside the tunnel besides the one derived from the key, for raw packets. Default: none. */
  readonly addresses?: readonly string[] | undefined
  /**
   * Bytes of the largest packet inside the tunnel, at least 1,248. Default: 1,420, as wg-quick(8), for raw packets; for connections as
   * many as they find that their path carries (RFC 8899), up to 8,920, and 65,472 over the loopback.
   */
  readonly mtu?: number | undefined
  /** Rate of the link in bits per second, which the scheduler stays below. Default: not bounded. */
  readonly uplink?: number | undefined
  /**
   * Keeps the own side of a stream open when the peer has ended its side and that was read. Default false: the own side ends by itself
   * then, as that of a `net.Socket` does. `openStream` has the option for one stream.
   */
  readonly allowHalfOpen?: boolean | undefined
  /** Policies of lanes, by priority. Default: a full lane waits, and no rate is bounded. */
  readonly lanes?: LaneTable | undefined
  /** Bounds on memory and work. Default: see `Limits`, each by itself. */
  readonly limits?: Partial<{ readonly [K in keyof Limits]: Limits[K] | undefined }> | undefined
  /** Cancels `Device.open`, and nothing after it. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** The socket that a device binds. */
export interface ListenOptions {
  /** IP address of this machine. Default: all of them. */
  readonly host?: string | undefined
  /** UDP port. Default 0: a free one, which the system chooses. */
  readonly port?: number | undefined
}

export interface ParsedDeviceOptions {
  readonly privateKey: PrivateKey
  readonly listen: { readonly host: string | undefined; readonly port: number }
  readonly protocols: Lists
  readonly families: FamiliesOption
  readonly transports: readonly string[]
  readonly moves: MoveOptions
  readonly authorize: Authorize | undefined
  readonly authorizeTimeout: number
  readonly forgetAfter: number
  readonly deadAfter: number
  readonly heartbeat: number
  readonly driver: 'native' | 'script'
  readonly addresses: readonly string[]
  readonly mtu: number
  readonly maxMtu: number
  readonly uplink: number | undefined
  readonly allowHalfOpen: boolean
  readonly lanes: ParsedLanes
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
}

/** Checks every option of `Device.open`, and fills in what was left out. */
export function parseDeviceOptions(options: DeviceOptions): ParsedDeviceOptions {
  const { mtu, ...parsed } = parseOptions('options', options, CHECKS)
  return { ...parsed, mtu: mtu ?? DEFAULT_MTU, maxMtu: mtu ?? MOST_MTU }
}

/** The floor of RFC 9000 section 14.1, and the headers of IPv6 and UDP. */
const LEAST_MTU = 1248

/** The largest packet that a path of 1,500 bytes carries over IPv6, UDP and WireGuard. */
const DEFAULT_MTU = 1_420

/** A UDP payload over IPv4 (65,507 bytes), less WireGuard's 32 bytes, in its units of 16: what the loopback carries. */
const MOST_MTU = 65_472

/** WireGuard wipes the keys of an unused tunnel by then: three times REJECT_AFTER_TIME (whitepaper section 6.2). */
const FORGET_AFTER = 540_000

const milliseconds = integer(1, LONGEST_TIMER, 'milliseconds')

const privateKey: Check<PrivateKey> = (value, name) => {
  if (value instanceof PrivateKey) return value
  return privateKeyOf(name, value)
}

const port = integer(0, 65_535)

const host: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw wrongType(name, HOST, value)
  if (isIP(value) === 0 || value.includes('%')) throw outOfRange(name, HOST, value)
  return value
}

const listen: Check<{ readonly host: string | undefined; readonly port: number }> = (value, name) => {
  if (typeof value === 'number') return { host: undefined, port: port(value, name) }
  if (typeof value !== 'object' || value === null) throw wrongType(name, LISTEN, value)
  return parseOptions(name, value, { host: optional(host, undefined), port: optional(port, 0) })
}

const authorize: Check<Authorize> = (value, name) => {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value as Authorize
}

const moves: Check<MoveOptions> = (value, name) => {
  if (typeof value === 'boolean') return { ...MOVES, auto: value }
  return parseOptions(name, value, {
    auto: optional(flag, MOVES.auto),
    grace: optional(integer(0, LONGEST_TIMER, 'milliseconds'), MOVES.grace),
  })
}

const mtu: Check<number> = (value, name) => {
  if (typeof value === 'number' && value < LEAST_MTU) {
    throw outOfRange(name, `at least ${LEAST_MTU}, so that QUIC's first packets fit`, value, 'ERR_WARREN_MTU_TOO_SMALL')
  }
  return integer(LEAST_MTU, MOST_MTU, 'bytes')(value, name)
}

const HOST =
  "an IP address of this machine without brackets or zone, such as '127.0.0.1' or '::1', or left out for all of them"

const LISTEN = 'a port, which is an integer from 0 to 65535, or { host, port }'

/** A program that keeps a connection learns within it that there is another one. */
const MOVES: MoveOptions = { auto: true, grace: 5_000 }

const CHECKS = {
  privateKey,
  listen: optional(listen, { host: undefined, port: 0 }),
  protocols: optional(protocolLists, DEFAULT_PROTOCOLS),
  families: optional(families, {}),
  transports: optional(transports, DEFAULT_TRANSPORTS),
  moves: optional(moves, MOVES),
  authorize: optional(authorize, undefined),
  authorizeTimeout: optional(milliseconds, 4_000),
  forgetAfter: optional(milliseconds, FORGET_AFTER),
  deadAfter: optional(milliseconds, 15_000),
  heartbeat: optional(integer(0, LONGEST_TIMER, 'milliseconds'), 9_000),
  driver: optional(oneOf('native', 'script'), 'native' as const),
  addresses: optional(listOf(prefix, 1_024), []),
  mtu: optional(mtu, undefined),
  uplink: optional(integer(1, Number.MAX_SAFE_INTEGER, 'bits per second'), undefined),
  allowHalfOpen: optional(flag, false),
  lanes: optional(lanes, NO_LANES),
  limits: optional(limits, DEFAULT_LIMITS),
  signal: optional(signal, undefined),
}
