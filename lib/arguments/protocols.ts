import { Buffer } from 'node:buffer'
import type { DriverProtocols } from '../driver.js'
import { outOfRange } from './argument-error.js'
import { type Check, listOf, text } from './options.js'

/** Application protocols, best first: names of 1 to 255 bytes, each once. */
export const protocols: Check<readonly string[]> = (value, name) => {
  const names = listOf(protocolName, MOST_PROTOCOLS)(value, name)
  const twice = names.find((protocol, index) => names.indexOf(protocol) !== index)
  if (twice !== undefined) throw outOfRange(name, 'a list that names each protocol once', twice)
  const bytes = Buffer.byteLength(names.join(''))
  if (bytes > MOST_BYTES) throw outOfRange(name, `at most ${MOST_BYTES} bytes of UTF-8 in all`, bytes)
  return names
}

/** Protocols of a device that names none. */
export const DEFAULT_PROTOCOLS: readonly string[] = ['warren/1']

const protocolName: Check<string> = (value, name) => {
  const protocol = text(value, name)
  const bytes = Buffer.byteLength(protocol)
  if (bytes < 1 || bytes > 255) throw outOfRange(name, 'a name of 1 to 255 bytes of UTF-8', protocol)
  return protocol
}

const MOST_PROTOCOLS = 32

/** Two such lists fit into a hello (`native/quic`, at most 3.5 KB for both). */
const MOST_BYTES = 1_536

/** Chooses the offer: `protocols`, or the device's, which must not be empty then. */
export function offerOf(
  name: string,
  protocols: readonly string[] | undefined,
  device: readonly string[],
): readonly string[] {
  const offered = protocols ?? device
  if (offered.length > 0) return offered
  throw outOfRange(name, `a list of one or more${protocols === undefined ? ": the device's is empty" : ''}`, protocols)
}

/** One list for both, for the life of a device. */
export function plainProtocols(names: readonly string[]): DriverProtocols {
  return { generation: 0, offer: names, accept: names, below: [], transports: ['quic/1'] }
}
