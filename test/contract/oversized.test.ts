import { expect, it, jest } from '@jest/globals'
import { eachDriver, peerEvent, until } from './network.js'

eachDriver('packets above the mtu of the receiver', (network) => {
  it('are dropped and counted, and told of once a peer, by an event and a warning', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined)
    try {
      const { near, far, peer, back } = await network.connected({ mtu: 1_500 })
      const told: unknown[] = []
      far.on('peer', (event) => event.type === 'oversized' && told.push(event))
      const first = peerEvent(far, 'oversized')
      const packet = packetBetween(peer.address, back.address)
      const sendUntil = (isTrue: () => boolean): Promise<void> =>
        until(() => {
          peer.sendPacket(packet)
          return isTrue()
        })
      await sendUntil(() => told.length > 0)
      expect(await first).toEqual({ type: 'oversized', publicKey: near.publicKey, length: 1_500 })
      const before = back.stats().packetsReceivedOversized
      expect(before).toBeGreaterThan(0)
      await sendUntil(() => back.stats().packetsReceivedOversized >= before + 3)
      expect(told).toHaveLength(1)
      const warnings = warned.mock.calls.filter(([message]) => String(message).includes(near.publicKey))
      expect(warnings).toEqual([
        [
          `The peer ${near.publicKey} sends packets of 1500 bytes, which are dropped: the mtu of this device is 1420. Give both ends the same`,
          { type: 'WarrenWarning', code: 'WARREN_PACKETS_TOO_LARGE' },
        ],
      ])
    } finally {
      warned.mockRestore()
    }
  })
})

/** An IPv6 packet of 1,500 bytes, from the second to the first. */
function packetBetween(to: string, from: string): Buffer {
  const packet = Buffer.alloc(1_500)
  packet.writeUInt32BE(0x6000_0000, 0)
  packet.writeUInt16BE(1_460, 4)
  packet.set([59, 64], 6)
  octetsOf(from).copy(packet, 8)
  octetsOf(to).copy(packet, 24)
  return packet
}

function octetsOf(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
