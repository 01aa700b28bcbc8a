import assert from 'node:assert/strict'
import { test } from 'node:test'
import { echoPacket, parseEcho } from './icmp.mjs'
import { parseUdp, udpPacket } from './udp.mjs'

for (const [from, to] of [
  ['10.7.0.1', '10.7.0.2'],
  ['fd77::1', 'fd77:1:2:3:4:5:6:7'],
]) {
  for (const size of [0, 1, 56, 1372]) {
    const payload = Buffer.alloc(size, 3)

    test(`an echo of ${size} bytes from ${from} to ${to} is read as it was written, and no flipped bit passes`, () => {
      const echo = { from, to, reply: size === 56, id: 7, sequence: 65_535, payload }
      const packet = echoPacket(echo)
      assert.deepEqual(parseEcho(packet), echo)
      packet[packet.length - 1] ^= 1
      assert.throws(() => parseEcho(packet), /wrong checksum/)
    })

    test(`a datagram of ${size} bytes from ${from} to ${to} is read as it was written, and no flipped bit passes`, () => {
      const packet = udpPacket({ from, to, fromPort: 9, toPort: 65_535, payload })
      const { message, ...read } = parseUdp(packet)
      assert.deepEqual(read, { fromPort: 9, toPort: 65_535, payload })
      assert.deepEqual([message.from, message.to], [from, to])
      assert.equal(parseEcho(packet), undefined)
      packet[packet.length - 1] ^= 1
      assert.throws(() => parseUdp(packet), /wrong checksum/)
    })
  }
}
