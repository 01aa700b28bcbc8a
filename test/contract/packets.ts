import { isIPv6 } from 'node:net'

/** A UDP packet in IP, with the checksums that a receiver would look at. */
export function udpPacket(from: string, to: string, payload: Buffer): Buffer {
  const udp = Buffer.alloc(8 + payload.length)
  udp.writeUInt16BE(4_000, 0)
  udp.writeUInt16BE(5_000, 2)
  udp.writeUInt16BE(udp.length, 4)
  payload.copy(udp, 8)
  const header = isIPv6(from) ? ipv6Header(from, to, udp.length) : ipv4Header(from, to, udp.length)
  return Buffer.concat([header, udp])
}

function ipv6Header(from: string, to: string, length: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(length, 4)
  header[6] = 17
  header[7] = 64
  address6(from).copy(header, 8)
  address6(to).copy(header, 24)
  return header
}

function ipv4Header(from: string, to: string, length: number): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + length, 2)
  header[8] = 64
  header[9] = 17
  Buffer.from(from.split('.').map(Number)).copy(header, 12)
  Buffer.from(to.split('.').map(Number)).copy(header, 16)
  return header
}

function address6(text: string): Buffer {
  const [head = '', tail] = text.split('::')
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'))
  const [first, last] = [groups(head), groups(tail)]
  const all = [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
