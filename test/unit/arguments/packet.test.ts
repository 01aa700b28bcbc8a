import { describe, expect, it } from '@jest/globals'
import { checkPacket } from '../../../lib/arguments/packet.js'

function ipv4(length: number, says = length): Buffer {
  const packet = Buffer.alloc(length)
  packet[0] = 0x45
  packet.writeUInt16BE(says, 2)
  return packet
}

function ipv6(length: number, says = length - 40): Buffer {
  const packet = Buffer.alloc(length)
  packet[0] = 0x60
  packet.writeUInt16BE(says, 4)
  return packet
}

describe('checkPacket', () => {
  it('takes whole packets up to the mtu', () => {
    for (const packet of [ipv4(20), ipv4(1_420), ipv6(40), ipv6(1_420)]) checkPacket(packet, 1_420)
  })

  it.each<[string, Buffer, RegExp]>([
    ['empty', Buffer.alloc(0), /with its header/],
    ['of no version', Buffer.alloc(60), /with its header/],
    ['without a whole header', ipv6(39, 0), /with its header/],
    ['cut off', ipv4(60, 100), /says that it is 100 bytes long; got 60/],
    ['followed by more', ipv6(60, 10), /says that it is 50 bytes long; got 60/],
    ['too long', ipv4(1_421), /at most 1420 bytes long.*got 1421/],
  ])('refuses one that is %s', (_, packet, message) => {
    expect(() => checkPacket(packet, 1_420)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_INVALID_PACKET', message: expect.stringMatching(message) }),
    )
  })

  it('refuses what is no bytes', () => {
    expect(() => checkPacket('packet' as unknown as Buffer, 1_420)).toThrow(TypeError)
  })
})
