import { outOfRange } from './argument-error.js'
import { type Endpoint, type ParsedEndpoint, parseEndpoint, parseHost } from './endpoint.js'
import { integer, parseOptions, text } from './options.js'

/** An endpoint as a text, or taken apart as another device's `address` is. */
export type EndpointLike =
  | Endpoint
  | {
      /** A host name or an IP address, without brackets. `::` and `0.0.0.0`, all addresses of this machine, stand for 127.0.0.1. */
      readonly host: string
      /** A UDP port, 1 to 65,535. */
      readonly port: number
    }

/** Takes an endpoint of either form. */
export function parseEndpointLike(value: unknown, name: string): ParsedEndpoint {
  if (typeof value !== 'object' || value === null) return parseEndpoint(value, name)
  const { host, port } = parseOptions(name, value, { host: text, port: integer(1, 65_535) })
  const parsed = parseHost(WILDCARDS.get(host) ?? host, port)
  if (parsed === undefined) throw outOfRange(`${name}.host`, HOST, host, 'ERR_WARREN_INVALID_ENDPOINT')
  return parsed
}

const HOST =
  "a host name, or an IP address without brackets or port, and of a link-local address with its zone, 'fe80::1%eth0'"

/** Addresses at which this machine reaches a device that listens on all of its own: the wildcard itself cannot be sent to. */
const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['::', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
])
