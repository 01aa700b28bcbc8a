import { once } from 'node:events'
import { expect, it } from '@jest/globals'
import { addressOf } from 'warren'
import { eachDriver, pattern, until } from './network.js'
import { udpPacket } from './packets.js'

eachDriver('datagrams', (network) => {
  it('arrive, up to the size that the connection says', async () => {
    const { connection, accepted } = await network.connected()
    const received: Buffer[] = []
    accepted.on('datagram', (bytes) => received.push(bytes))
    const sizes = [0, 1, 500, connection.maxDatagramSize]
    for (const size of sizes) expect(connection.sendDatagram(pattern(size, size))).toBe(true)
    await until(() => received.length === sizes.length)
    for (const bytes of received) expect(bytes.equals(pattern(bytes.length, bytes.length))).toBe(true)
    expect(received.map(({ length }) => length).sort((a, b) => a - b)).toEqual(sizes)
    expect(connection.maxDatagramSize).toBeGreaterThan(1_000)
  })

  it('that are too large are refused', async () => {
    const { connection } = await network.connected()
    expect(() => connection.sendDatagram(Buffer.alloc(connection.maxDatagramSize + 1))).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_DATAGRAM_TOO_LARGE' }),
    )
  })

  it('sent before anybody listens wait a little', async () => {
    const { connection, accepted } = await network.connected()
    for (let index = 0; index < 10; index++) connection.sendDatagram(Buffer.of(index))
    // It leaves after them.
    await connection.send(Buffer.from('message'))
    await accepted.messages().next()
    const [first] = await once(accepted, 'datagram')
    expect(first).toEqual(Buffer.of(0))
  })

  it('that find no room behind others are counted', async () => {
    const { near, connection } = await network.connected({ lanes: { 0: { rate: 80_000 } } })
    // 64 KiB of them wait for their lane.
    for (let index = 0; index < 300; index++) connection.sendDatagram(Buffer.alloc(1_000))
    await until(() => near.stats().datagramsSentDropped > 200)
    expect(near.stats().datagramsSentDropped).toBeLessThan(300)
  })
})

eachDriver('raw packets', (network) => {
  it('go between the derived addresses, both ways', async () => {
    const { near, far, peer, back } = await network.pair()
    const here = addressOf(near.publicKey)
    const there = addressOf(far.publicKey)
    const [arrived, answered] = [once(back, 'packet'), once(peer, 'packet')]
    const question = udpPacket(here, there, Buffer.from('question'))
    expect(peer.sendPacket(question)).toBe(true)
    expect((await arrived)[0].equals(question)).toBe(true)
    const answer = udpPacket(there, here, Buffer.from('answer'))
    expect(back.sendPacket(answer)).toBe(true)
    expect((await answered)[0].equals(answer)).toBe(true)
  })

  it('may come from allowed IPs, and from nowhere else', async () => {
    const { near, peer, back } = await network.pair()
    back.update({ allowedIPs: ['10.1.0.0/16'] })
    const received: Buffer[] = []
    back.on('packet', (packet) => received.push(packet))
    const allowed = udpPacket('10.1.2.3', '10.9.9.9', Buffer.from('allowed'))
    peer.sendPacket(udpPacket('10.2.0.1', '10.9.9.9', Buffer.from('spoofed')))
    peer.sendPacket(udpPacket('fd00::1', addressOf(near.publicKey), Buffer.from('spoofed')))
    peer.sendPacket(allowed)
    // Those that were sent before it are dropped by then.
    await until(() => received.length > 0)
    expect(received.map((packet) => packet.toString('latin1').slice(-7))).toEqual(['allowed'])
  })

  it('travel beside connections', async () => {
    const { near, far, peer, back, connection, accepted } = await network.connected()
    const packet = udpPacket(addressOf(near.publicKey), addressOf(far.publicKey), pattern(1_000))
    const arrived = once(back, 'packet')
    peer.sendPacket(packet)
    await connection.send(Buffer.from('message'))
    expect((await arrived)[0].equals(packet)).toBe(true)
    expect(String((await accepted.messages().next()).value?.bytes)).toBe('message')
  })

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no IP packet', Buffer.alloc(60)],
    ['less than a header', Buffer.from('45000014', 'hex')],
    ['a packet that is cut off', udpPacket('10.0.0.1', '10.0.0.2', Buffer.alloc(100)).subarray(0, 60)],
    ['more than the tunnel carries', udpPacket('10.0.0.1', '10.0.0.2', Buffer.alloc(1_400))],
  ])('that are %s are refused', async (_, packet) => {
    const { peer } = await network.pair()
    expect(() => peer.sendPacket(packet)).toThrow(expect.objectContaining({ code: 'ERR_WARREN_INVALID_PACKET' }))
  })
})
