// Whole IP packets, as they pass through a bare tunnel: no options, no extensions, no fragments.

import { isIPv6 } from 'node:net'

export const ICMP = 1
export const UDP = 17
export const ICMPV6 = 58

/** An IP packet with this message; which IP is told by the addresses. */
export function ipPacket({ from, to, protocol, body }) {
  const header = isIPv6(to) ? Buffer.alloc(40) : Buffer.alloc(20)
  if (header.length === 40) {
    header[0] = 0x60
    header.writeUInt16BE(body.length, 4)
    header[6] = protocol
    header[7] = 64
    addressBytes(from).copy(header, 8)
    addressBytes(to).copy(header, 24)
  } else {
    header[0] = 0x45
    header.writeUInt16BE(20 + body.length, 2)
    header[8] = 64
    header[9] = protocol
    addressBytes(from).copy(header, 12)
    addressBytes(to).copy(header, 16)
    header.writeUInt16BE(checksum(header), 10)
  }
  return Buffer.concat([header, body])
}

/** The protocol, the message, and lazily the addresses. Throws where the header's own checksum is wrong. */
export function parseIp(packet) {
  if (packet[0] >> 4 === 6) {
    const body = packet.subarray(40, 40 + packet.readUInt16BE(4))
    return new IpMessage(packet[6], body, packet.subarray(8, 24), packet.subarray(24, 40))
  }
  const start = (packet[0] & 15) * 4
  if (checksum(packet.subarray(0, start)) !== 0) throw new Error('a wrong checksum in an IPv4 header')
  const body = packet.subarray(start, packet.readUInt16BE(2))
  return new IpMessage(packet[9], body, packet.subarray(12, 16), packet.subarray(16, 20))
}

class IpMessage {
  #from
  #to

  constructor(protocol, body, from, to) {
    this.protocol = protocol
    this.body = body
    this.#from = from
    this.#to = to
  }

  get from() {
    return addressText(this.#from)
  }

  get to() {
    return addressText(this.#to)
  }

  /** What the checksum of the message covers besides it: RFC 768, RFC 8200 section 8.1. */
  get pseudoHeader() {
    return pseudoHeader(this.#from, this.#to, this.protocol, this.body.length)
  }
}

export function pseudoHeaderOf({ from, to, protocol, body }) {
  return pseudoHeader(addressBytes(from), addressBytes(to), protocol, body.length)
}

function pseudoHeader(from, to, protocol, length) {
  const pseudo = Buffer.alloc(from.length * 2 + (from.length === 4 ? 4 : 8))
  from.copy(pseudo, 0)
  to.copy(pseudo, from.length)
  pseudo.writeUInt16BE(length, from.length * 2 + 2)
  pseudo[pseudo.length - (from.length === 4 ? 3 : 1)] = protocol
  return pseudo
}

/** RFC 1071. Over what already holds its own checksum: 0 when it is right. Each part but the last has an even length. */
export function checksum(...parts) {
  let sum = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i] << 8) | (part[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function addressBytes(address) {
  const known = bytesOf.get(address)
  if (known !== undefined) return known
  const bytes = isIPv6(address) ? v6Bytes(address) : Buffer.from(address.split('.').map(Number))
  bytesOf.set(address, bytes)
  return bytes
}

function v6Bytes(address) {
  const [head, tail] = address.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...new Array(zeros).fill('0'), ...(tail ?? [])]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

/** Canonical only in so far as two spellings of one address become equal. */
function addressText(bytes) {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

/** A test has a handful of addresses, and many packets. */
const bytesOf = new Map()
