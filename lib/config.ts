import { coded, wrongType } from './arguments/argument-error.js'
import { type Endpoint, formatEndpoint, invalidEndpoint, parseHost } from './arguments/endpoint.js'
import { integer } from './arguments/options.js'
import { prefix } from './arguments/prefix.js'
import { SERVICES, servicePort } from './arguments/services.js'
import type { DeviceOptions } from './device/device-options.js'
import { PrivateKey, parseKey, parsePublicKey } from './keys.js'
import type { PeerOptions } from './peer/peer-options.js'

/** The contents of a configuration file, as options. */
export interface ParsedConfig {
  /** Options for `Device.open`, of the section `[Interface]`. */
  readonly device: DeviceOptions
  /** Options for `device.addPeer`, one for each section `[Peer]`. */
  readonly peers: readonly PeerOptions[]
}

/**
 * Reads the text of a wg(8) configuration file, and of wg-quick(8) its `Address` and `MTU`. As there, blanks mean nothing anywhere.
 * The other names of wg-quick(8) are for an interface of the system, and there is none: they are an error. Throws a `RangeError` with
 * `ERR_WARREN_INVALID_CONFIG` that names the line.
 *
 * @example
 * ```js
 * const { device: options, peers } = parseConfig(readFileSync('wg0.conf', 'utf8'))
 * const device = await Device.open(options)
 * for (const peer of peers) device.addPeer(peer)
 * ```
 */
export function parseConfig(source: string): ParsedConfig {
  if (typeof source !== 'string')
    throw wrongType('source', "the text of a configuration file (read it as 'utf8')", source)
  const sections = readSections(source)
  const [device, ...more] = sections.filter(({ name }) => name === 'interface')
  if (device === undefined) throw invalidConfig(undefined, 'there is no [Interface] section')
  if (more[0] !== undefined) throw invalidConfig(more[0].line, 'there is a second [Interface] section')
  const peers = sections.filter(({ name }) => name === 'peer')
  return { device: readInterface(device), peers: peers.map(readPeer) }
}

interface Entry {
  readonly name: string
  readonly value: string
  readonly line: number
}

interface Section {
  readonly name: string
  readonly line: number
  readonly entries: Entry[]
}

function readSections(source: string): readonly Section[] {
  const sections: Section[] = []
  for (const [index, whole] of source.split(/\r?\n/).entries()) {
    const line = index + 1
    const content = whole.replace(/#.*/, '').replace(/\s+/g, '')
    if (content === '') continue
    const name = /^\[(\w+)\]$/.exec(content)?.[1]?.toLowerCase()
    if (name !== undefined) {
      if (name !== 'interface' && name !== 'peer')
        throw invalidConfig(line, `[${name}] is not a section; there are [Interface] and [Peer]`)
      sections.push({ name, line, entries: [] })
      continue
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(content) ?? []
    const section = sections.at(-1)
    if (key === undefined || value === undefined) throw invalidConfig(line, "expected 'Name = value' or a section")
    if (section === undefined) throw invalidConfig(line, `${key} stands before the first section`)
    section.entries.push({ name: key, value, line })
  }
  return sections
}

function readInterface({ entries, line: start }: Section): DeviceOptions {
  let privateKey: PrivateKey | undefined
  let listen: number | undefined
  let mtu: number | undefined
  const addresses: string[] = []
  for (const entry of entries) {
    switch (entry.name.toLowerCase()) {
      case 'privatekey':
        privateKey = at(entry, (value) => PrivateKey.from(value))
        break
      case 'listenport':
        listen = at(entry, (value) => port(value, 0))
        break
      case 'fwmark':
        at(entry, mark)
        break
      case 'address':
        addresses.push(...at(entry, prefixes))
        break
      case 'mtu':
        mtu = at(entry, number(0, 65_535))
        break
      default:
        throw unknownName(entry, 'Interface')
    }
  }
  if (privateKey === undefined) throw invalidConfig(start, '[Interface] has no PrivateKey')
  return { privateKey, listen, mtu, addresses }
}

function readPeer({ entries, line: start }: Section): PeerOptions {
  let publicKey: string | undefined
  let presharedKey: Uint8Array | undefined
  let endpoint: string | undefined
  let persistentKeepalive: number | undefined
  const allowedIPs: string[] = []
  for (const entry of entries) {
    switch (entry.name.toLowerCase()) {
      case 'publickey':
        publicKey = at(entry, (value) => parsePublicKey(value))
        break
      case 'presharedkey':
        presharedKey = at(entry, (value) => parseKey('The pre-shared key', value))
        break
      case 'endpoint':
        endpoint = at(entry, readEndpoint)
        break
      case 'persistentkeepalive':
        persistentKeepalive = /^off$/i.test(entry.value) ? 0 : at(entry, number(0, 65_535))
        break
      case 'allowedips':
        allowedIPs.push(...at(entry, prefixes))
        break
      default:
        throw unknownName(entry, 'Peer')
    }
  }
  if (publicKey === undefined) throw invalidConfig(start, '[Peer] has no PublicKey')
  return { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIPs }
}

function at<T>({ line, value }: Entry, read: (value: string) => T): T {
  try {
    return read(value)
  } catch (error) {
    throw invalidConfig(line, (error as Error).message)
  }
}

/** With the last colon before the port, brackets or not, as wg(8) takes it. */
function readEndpoint(value: string): Endpoint {
  const { bracketed, bare, service } = ENDPOINT.exec(value)?.groups ?? {}
  const parsed = service === undefined ? undefined : parseHost(bracketed ?? bare ?? '', port(service, 1))
  if (parsed === undefined) throw invalidEndpoint(value, 'Endpoint')
  return formatEndpoint(parsed.host, parsed.port)
}

function port(value: string, least: number): number {
  if (/^\d+$/.test(value)) return number(least, 65_535)(value)
  const found = servicePort(value)
  if (found !== undefined) return found
  const shown = /^[\w-]{1,32}$/.test(value) ? value : `a word of ${value.length} characters`
  throw new RangeError(`the port must be a number, or the name of a UDP service in ${SERVICES}; got ${shown}`)
}

/** Mark of packets to the outside, if this were an interface of the system. */
function mark(value: string): void {
  if (!/^(off|\d+|0x[\da-f]+)$/i.test(value) || Number(value) > 0xffff_ffff)
    throw new RangeError("the mark must be 'off' or a number of 32 bits")
}

function number(least: number, most: number): (value: string) => number {
  return (value) => integer(least, most)(/^\d+$/.test(value) ? Number(value) : value, 'the value')
}

function prefixes(value: string): readonly string[] {
  const parts = value.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '').map((part) => prefix(part, 'the address'))
}

function unknownName({ name, line }: Entry, section: string): Error {
  if (WG_QUICK.has(name.toLowerCase()))
    return invalidConfig(line, `${name} belongs to wg-quick(8); 'wg-quick strip' takes such names out`)
  // A key whose name was lost reads as a name: it is not shown.
  const shown = name.length > LONGEST_NAME ? `a word of ${name.length} characters` : name
  return invalidConfig(line, `${shown} is not a name of [${section}]`)
}

function invalidConfig(line: number | undefined, message: string): Error {
  const where = line === undefined ? 'The configuration' : `The configuration, line ${line}`
  return coded(new RangeError(`${where}: ${message}`), 'ERR_WARREN_INVALID_CONFIG')
}

const ENDPOINT = /^(?:\[(?<bracketed>[^\]]*)\]|(?<bare>[^[\]]*)):(?<service>[^:\]]+)$/

/** PersistentKeepalive has 19 characters, a key 44. */
const LONGEST_NAME = 32

const WG_QUICK = new Set(['dns', 'table', 'preup', 'postup', 'predown', 'postdown', 'saveconfig'])
