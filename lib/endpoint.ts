import { isIPv4, isIPv6 } from 'node:net'
import { coded, wrongType } from './argument-error.js'

/** `host:port` or `[v6]:port`. A host name is resolved again at each attempt. */
export type Endpoint = string

/** An endpoint taken apart. */
export interface ParsedEndpoint {
  readonly host: string
  readonly port: number
  /** The host is an address, so there is nothing to resolve. */
  readonly literal: boolean
}

/** Takes an endpoint apart, or says what is wrong with it. */
export function parseEndpoint(value: unknown, name = 'endpoint'): ParsedEndpoint {
  if (typeof value !== 'string') throw wrongType(name, EXPECTED, value)
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(value)?.groups
  const port = Number(parts?.port)
  if (parts === undefined || port < 1 || port > 65_535) throw invalidEndpoint(value, name)
  const { v6, host = '' } = parts
  if (v6 !== undefined) {
    if (isIPv6(v6) && /^[^%]*(%\d+)?$/.test(v6)) return { host: v6, port, literal: true }
    throw invalidEndpoint(value, name)
  }
  if (isIPv4(host)) return { host, port, literal: true }
  if (!HOST_NAME.test(host) || host.length > 253 || /^[\d.]+$/.test(host)) throw invalidEndpoint(value, name)
  return { host, port, literal: false }
}

/** An address and a port as one text. */
export function formatEndpoint(address: string, port: number): Endpoint {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

function invalidEndpoint(value: string, name: string): RangeError {
  const shown = KEY.test(value) ? `a string of ${value.length} characters` : JSON.stringify(value.slice(0, 300))
  return coded(new RangeError(`${name} must be ${EXPECTED}; got ${shown}`), 'ERR_WARREN_INVALID_ENDPOINT')
}

/** What could be a key that stands in the wrong place is not shown. */
const KEY = /[a-z\d+/]{42}/i

const EXPECTED = "'host:port' or '[IPv6 address]:port' with a port from 1 to 65535"

/** The labels of RFC 1123 section 2.1, and the underscore that many networks use. */
const HOST_NAME = /^(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.)*[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.?$/i
