import { canonicalAddress, type Endpoint } from '../arguments/endpoint.js'
import { type Tried, WarrenError } from '../errors.js'
import type { PublicKey } from '../keys.js'

/** State of the tunnel to a peer. */
export interface Tunnel {
  /** Endpoint that it goes to now. */
  readonly endpoint: Endpoint | undefined
  /** For how long it has had a session, in milliseconds; `undefined`: it has none. */
  readonly upFor: number | undefined
  /** The peer spoke this package's protocol in it at some time: a connection was up, or was refused. */
  readonly isWarren: boolean
}

/** Nobody answered a WireGuard handshake for as long as a caller waited. `listens`: the address that the device's socket is bound to, if not to all. */
export function noHandshake(
  peer: PublicKey,
  waited: number,
  tried: readonly Tried[],
  cause: Error | undefined,
  listens?: string | undefined,
): WarrenError {
  const isRefused = tried.length > 0 && tried.every(({ error }) => error !== undefined)
  const reasons = isRefused ? nothingSent(tried, listens) : NOT_ANSWERED
  const message = `No WireGuard handshake response from ${peer} in ${seconds(waited)}; tried ${listOf(tried)}. ${reasons}`
  return new WarrenError('ERR_WARREN_NO_HANDSHAKE', message, { peer, tried, cause })
}

/** The tunnel has a session, and no connection came up in it for as long as a caller waited. */
export function noTransport(
  peer: PublicKey,
  waited: number,
  tunnel: Tunnel,
  tried: readonly Tried[],
  cause: Error | undefined,
): WarrenError {
  const where = tunnel.endpoint === undefined ? '' : ` at ${tunnel.endpoint}`
  const again = tried.length === 0 ? '' : `, nor a handshake that would renew it: ${listOf(tried)}`
  const message = `The tunnel to ${peer}${where} has a session, but nothing in it answered for ${seconds(waited)}${again}. Likely, in this order: ${silenceOf(tunnel, tried)}`
  return new WarrenError('ERR_WARREN_NO_TRANSPORT', message, { peer, tried, cause })
}

function silenceOf({ endpoint, upFor = 0, isWarren }: Tunnel, tried: readonly Tried[]): string {
  if (tried.length > 0) return 'the process of the peer ended; the network between is down'
  const least = endpoint?.startsWith('[') ? LEAST_IPV6 : LEAST_IPV4
  const path = `the path carries less than the ${least} bytes that QUIC's first packets have outside`
  if (isWarren || upFor < SURELY_ASKED)
    return `the process of the peer is stopped, busy, or was restarted just now; ${path}`
  return `${path}; a plain WireGuard peer? Those have peer.sendPacket()`
}

function nothingSent(tried: readonly Tried[], listens: string | undefined): string {
  if (listens === undefined || listens === '::') return `The system sends nothing there: ${CHECK}`
  const isIPv6 = canonicalAddress(listens).includes(':')
  if (tried.some(({ endpoint }) => endpoint.startsWith('[') === isIPv6))
    return `The system sends nothing there from ${listens}, the device's listen.host: ${CHECK}`
  const [own, other] = isIPv6 ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6']
  return `The device's socket is ${own} only, for its listen.host is ${listens}: leave that out to reach ${other} too, or name an ${own} endpoint`
}

function listOf(tried: readonly Tried[]): string {
  if (tried.length === 0) return 'nothing yet'
  return tried
    .map(({ endpoint, times, error }) => `${endpoint} (${[`${times}×`, error].filter(Boolean).join(' ')})`)
    .join(', ')
}

/** A duration for people. */
export function seconds(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`
}

const NOT_ANSWERED =
  "Likely, in this order: the endpoint or the key is wrong; the node does not run, or UDP does not get there; it does not have this device's key as a peer, nor authorizes it: it is silent then; the pre-shared keys differ; the clock of this device was set back"

const CHECK = "check this machine's network, and the addresses"

/** QUIC's 1,200 (RFC 9000 section 14.1), inner IPv6 and UDP 48, WireGuard 32, outer UDP 8, IPv4 20 or IPv6 40. */
const LEAST_IPV4 = '1,308'
const LEAST_IPV6 = '1,328'

/** A session this old has seen several first packets of QUIC, whose timer starts at a second at most and doubles. */
const SURELY_ASKED = 5_000
