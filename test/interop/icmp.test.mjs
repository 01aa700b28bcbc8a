import assert from 'node:assert/strict'
import { test } from 'node:test'
import { echoPacket, parseEcho } from './icmp.mjs'

for (const [from, to] of [
  ['10.7.0.1', '10.7.0.2'],
  ['fd77::1', 'fd77:1:2:3:4:5:6:7'],
]) {
  test(`an echo from ${from} to ${to} is read as it was written, and no flipped bit passes`, () => {
    for (const size of [0, 1, 56, 1372]) {
      const echo = { from, to, reply: size === 56, id: 7, sequence: 65_535, payload: Buffer.alloc(size, 3) }
      const packet = echoPacket(echo)
      assert.deepEqual(parseEcho(packet), echo)
      packet[packet.length - 1] ^= 1
      assert.throws(() => parseEcho(packet), /wrong checksum/)
    }
  })
}
