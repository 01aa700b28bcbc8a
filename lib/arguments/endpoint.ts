import { isIPv4, isIPv6 } from 'node:net'
import { systemZones, type Zones } from '../addon/zones.js'
import { coded, wrongType } from './argument-error.js'

/** An address and a UDP port: `host:port`, `[v6]:port`, or of a link-local address `[fe80::1%eth0]:port`. A host name is resolved again at each attempt. */
export type Endpoint = string

/** An endpoint taken apart. */
export interface ParsedEndpoint {
  readonly host: string
  readonly port: number
  /** The host is an address, so there is nothing to resolve. */
  readonly literal: boolean
  /** Interface of a link-local address, by name or by number. */
  readonly zone?: string | undefined
}

/** Takes an endpoint apart, or says what is wrong with it. */
export function parseEndpoint(value: unknown, name = 'endpoint'): ParsedEndpoint {
  if (typeof value !== 'string') throw wrongType(name, EXPECTED, value)
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(value)?.groups
  const port = Number(parts?.port)
  if (parts === undefined || port < 1 || port > 65_535) throw invalidEndpoint(value, name)
  const { v6, host = '' } = parts
  const parsed = v6 === undefined ? parseHost(host, port) : parseAddress(v6, port)
  if (parsed === undefined) throw invalidEndpoint(value, name)
  return parsed
}

/** A host of any kind, with an IPv6 address as it stands between brackets. */
export function parseHost(host: string, port: number): ParsedEndpoint | undefined {
  if (isIPv4(host)) return { host, port, literal: true }
  if (host.includes(':')) return parseAddress(host, port)
  if (!HOST_NAME.test(host) || host.length > 253 || /^[\d.]+$/.test(host)) return undefined
  return { host, port, literal: false }
}

/** An address and a port as one text. */
export function formatEndpoint(address: string, port: number): Endpoint {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** An endpoint of a driver, which knows interfaces by number, as the system spells it. */
export function spellEndpoint(endpoint: string, zones: Zones = systemZones): Endpoint {
  if (!endpoint.includes('%')) return endpoint
  return endpoint.replace(/%(\d+)\]/, (_, index) => `%${zones.spell(Number(index))}]`)
}

/** IPv4's own spelling of an address that is written as IPv6's (RFC 4291 section 2.5.5.2); every other stays as it is. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(`http://[${address}]`).hostname) ?? []
  if (high === undefined || low === undefined) return address
  const words = [high, low].map((word) => Number.parseInt(word, 16))
  return words.flatMap((word) => [word >> 8, word & 255]).join('.')
}

function parseAddress(text: string, port: number): ParsedEndpoint | undefined {
  const [address = '', zone, ...rest] = text.split('%')
  if (!isIPv6(address) || rest.length > 0) return undefined
  const host = canonicalAddress(address)
  const isLinkLocal = LINK_LOCAL.test(address)
  if (zone === undefined) return isLinkLocal ? undefined : { host, port, literal: true }
  if (!isLinkLocal || !ZONE.test(zone)) return undefined
  return { host: `${address}%${zone}`, port, literal: true, zone }
}

/** Error that says what is wrong with an endpoint. */
export function invalidEndpoint(value: string, name: string): RangeError {
  const shown = KEY.test(value) ? `a string of ${value.length} characters` : JSON.stringify(value.slice(0, 300))
  return coded(new RangeError(`${name} must be ${EXPECTED}; got ${shown}`), 'ERR_WARREN_INVALID_ENDPOINT')
}

/** A value that may be a key in the wrong place is not shown. */
const KEY = /[a-z\d+/]{42}/i

const EXPECTED =
  "'host:port', '[IPv6 address]:port' or { host, port } with a port from 1 to 65535, and of a link-local address with its zone, '[fe80::1%eth0]:port'"

/** The labels of RFC 1123 section 2.1, and the underscore that many networks use. */
const HOST_NAME = /^(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.)*[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.?$/i

/** fe80::/10 (RFC 4291 section 2.5.6): the only addresses of a peer that mean another one on each interface. */
const LINK_LOCAL = /^fe[89ab][\da-f]:/i

/** An interface by its name (IFNAMSIZ is 16, with the zero byte) or its number. */
const ZONE = /^[^\s\p{Cc}/%:[\]]{1,15}$/u
