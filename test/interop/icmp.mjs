// ICMP (RFC 792) and ICMPv6 (RFC 4443) echo in whole IP packets.

import { isIPv6 } from 'node:net'
import { checksum, ICMP, ICMPV6, ipPacket, parseIp, pseudoHeaderOf } from './inet.mjs'

/** An IP packet with an echo request, or with the reply to one. */
export function echoPacket({ from, to, reply = false, id, sequence, payload }) {
  const protocol = isIPv6(to) ? ICMPV6 : ICMP
  const [request, response] = TYPES[protocol]
  const body = Buffer.alloc(8 + payload.length)
  body[0] = reply ? response : request
  body.writeUInt16BE(id, 4)
  body.writeUInt16BE(sequence, 6)
  payload.copy(body, 8)
  const covered = protocol === ICMPV6 ? [pseudoHeaderOf({ from, to, protocol, body })] : []
  body.writeUInt16BE(checksum(...covered, body), 2)
  return ipPacket({ from, to, protocol, body })
}

/** What `packet` says, as `echoPacket` takes it; `undefined` if it is no echo. Throws where a checksum is wrong. */
export function parseEcho(packet) {
  const message = parseIp(packet)
  const { protocol, body } = message
  const [request, response] = TYPES[protocol] ?? []
  if (request === undefined || (body[0] !== request && body[0] !== response)) return undefined
  const covered = protocol === ICMPV6 ? [message.pseudoHeader] : []
  if (checksum(...covered, body) !== 0) throw new Error('a wrong checksum in an ICMP echo')
  return {
    from: message.from,
    to: message.to,
    reply: body[0] === response,
    id: body.readUInt16BE(4),
    sequence: body.readUInt16BE(6),
    payload: Buffer.from(body.subarray(8)),
  }
}

/** Of the request and of the reply. */
const TYPES = { [ICMP]: [8, 0], [ICMPV6]: [128, 129] }
