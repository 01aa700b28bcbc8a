// UDP (RFC 768) in whole IP packets.

import { checksum, ipPacket, parseIp, pseudoHeaderOf, UDP } from './inet.mjs'

/** An IP packet with a datagram. */
export function udpPacket({ from, to, fromPort, toPort, payload }) {
  const body = Buffer.alloc(8 + payload.length)
  body.writeUInt16BE(fromPort, 0)
  body.writeUInt16BE(toPort, 2)
  body.writeUInt16BE(body.length, 4)
  payload.copy(body, 8)
  const covered = pseudoHeaderOf({ from, to, protocol: UDP, body })
  // A checksum of 0 would say that there is none.
  body.writeUInt16BE(checksum(covered, body) || 0xffff, 6)
  return ipPacket({ from, to, protocol: UDP, body })
}

/** What `packet` says, the addresses lazily; `undefined` if it is no UDP. Throws where a checksum is wrong. */
export function parseUdp(packet) {
  const message = parseIp(packet)
  const { protocol, body } = message
  if (protocol !== UDP) return undefined
  if (body.readUInt16BE(4) !== body.length) throw new Error('a wrong length in a UDP datagram')
  if (checksum(message.pseudoHeader, body) !== 0) throw new Error('a wrong checksum in a UDP datagram')
  return { message, fromPort: body.readUInt16BE(0), toPort: body.readUInt16BE(2), payload: body.subarray(8) }
}
