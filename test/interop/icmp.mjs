// ICMP (RFC 792) and ICMPv6 (RFC 4443) echo in whole IP packets, as they pass through a bare tunnel.

import { isIPv6 } from 'node:net'

/** An IP packet with an echo request, or with the reply to one. */
export function echoPacket({ from, to, reply = false, id, sequence, payload }) {
  return isIPv6(to) ? echoV6(from, to, reply, id, sequence, payload) : echoV4(from, to, reply, id, sequence, payload)
}

/** What `packet` says, as `echoPacket` takes it; `undefined` if it is no echo. Throws where a checksum is wrong. */
export function parseEcho(packet) {
  return packet[0] >> 4 === 6 ? parseV6(packet) : parseV4(packet)
}

function echoV4(from, to, reply, id, sequence, payload) {
  const icmp = echoMessage(reply ? 0 : 8, id, sequence, payload)
  icmp.writeUInt16BE(checksum(icmp), 2)
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + icmp.length, 2)
  header[8] = 64
  header[9] = ICMP
  addressBytes(from).copy(header, 12)
  addressBytes(to).copy(header, 16)
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, icmp])
}

function echoV6(from, to, reply, id, sequence, payload) {
  const icmp = echoMessage(reply ? 129 : 128, id, sequence, payload)
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(icmp.length, 4)
  header[6] = ICMPV6
  header[7] = 64
  addressBytes(from).copy(header, 8)
  addressBytes(to).copy(header, 24)
  icmp.writeUInt16BE(checksum(pseudoHeader(header, icmp.length), icmp), 2)
  return Buffer.concat([header, icmp])
}

function parseV4(packet) {
  const start = (packet[0] & 15) * 4
  const icmp = packet.subarray(start, packet.readUInt16BE(2))
  if (packet[9] !== ICMP || (icmp[0] !== 8 && icmp[0] !== 0)) return undefined
  if (checksum(packet.subarray(0, start)) !== 0 || checksum(icmp) !== 0)
    throw new Error('a wrong checksum in an ICMP echo')
  return { from: addressText(packet.subarray(12, 16)), to: addressText(packet.subarray(16, 20)), ...body(icmp, 0) }
}

function parseV6(packet) {
  const icmp = packet.subarray(40, 40 + packet.readUInt16BE(4))
  if (packet[6] !== ICMPV6 || (icmp[0] !== 128 && icmp[0] !== 129)) return undefined
  if (checksum(pseudoHeader(packet, icmp.length), icmp) !== 0) throw new Error('a wrong checksum in an ICMPv6 echo')
  return { from: addressText(packet.subarray(8, 24)), to: addressText(packet.subarray(24, 40)), ...body(icmp, 129) }
}

function body(icmp, replyType) {
  return {
    reply: icmp[0] === replyType,
    id: icmp.readUInt16BE(4),
    sequence: icmp.readUInt16BE(6),
    payload: Buffer.from(icmp.subarray(8)),
  }
}

function echoMessage(type, id, sequence, payload) {
  const message = Buffer.alloc(8 + payload.length)
  message[0] = type
  message.writeUInt16BE(id, 4)
  message.writeUInt16BE(sequence, 6)
  payload.copy(message, 8)
  return message
}

/** RFC 8200, section 8.1. */
function pseudoHeader(header, length) {
  const pseudo = Buffer.alloc(40)
  header.copy(pseudo, 0, 8, 40)
  pseudo.writeUInt32BE(length, 32)
  pseudo[39] = ICMPV6
  return pseudo
}

/** RFC 1071. Over what already holds its own checksum: 0 when it is right. Each part but the last has an even length. */
function checksum(...parts) {
  let sum = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i] << 8) | (part[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function addressBytes(address) {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
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

const ICMP = 1
const ICMPV6 = 58
