import { coded } from './argument-error.js'
import { checkBytes } from './bytes.js'

/** Checks that bytes are one whole IP packet that the tunnel can carry. */
export function checkPacket(packet: Uint8Array, mtu: number): void {
  checkBytes(packet, 'packet')
  const length = packetLength(packet)
  if (length === undefined)
    throw invalidPacket(
      `packet must be an IPv4 or IPv6 packet with its header; got ${packet.byteLength} bytes that are none`,
    )
  if (length !== packet.byteLength)
    throw invalidPacket(`packet says that it is ${length} bytes long; got ${packet.byteLength}`)
  if (length > mtu) throw invalidPacket(`packet must be at most ${mtu} bytes long, the device's mtu; got ${length}`)
}

/** The length that the packet gives itself (RFC 791 section 3.1, RFC 8200 section 3). */
function packetLength(packet: Uint8Array): number | undefined {
  const { byteLength } = packet
  const [first = 0] = packet
  const word = (at: number): number => ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0)
  if (first >> 4 === 4 && byteLength >= 20) return word(2)
  if (first >> 4 === 6 && byteLength >= 40) return 40 + word(4)
  return undefined
}

function invalidPacket(message: string): RangeError {
  return coded(new RangeError(message), 'ERR_WARREN_INVALID_PACKET')
}
