import { expect, it } from '@jest/globals'
import type { Connection, Device, Message } from 'warren'
import { connect, eachDriver, pattern, until } from './network.js'

const MIB = 2 ** 20

eachDriver('device.messages()', (network) => {
  it('gives what comes on every connection, and says on which', async () => {
    const [hub, ...leaves] = (await network.group(4, [
      [0, 1],
      [0, 2],
      [0, 3],
    ])) as [Device, ...Device[]]
    const messages = hub.messages()
    for (const leaf of leaves) await leaf.broadcast(Buffer.from(leaf.publicKey))
    for (const _ of leaves) {
      const { value } = await messages.next()
      expect(String(value?.bytes)).toBe(value?.connection.peer.publicKey)
    }
  })

  it('gives those of one protocol, and leaves the others to others', async () => {
    const protocols = ['blocks', 'votes']
    const { peer, far } = await network.pair({ protocols }, { protocols })
    const [blocks, votes] = await Promise.all(protocols.map((protocol) => peer.connect({ protocols: [protocol] })))
    const reader = far.messages({ protocol: 'blocks' })
    for (let n = 0; n < 3; n++) {
      await votes?.send(Buffer.from(`vote ${n}`), { priority: 200 })
      await blocks?.send(Buffer.from(`block ${n}`))
    }
    for (let n = 0; n < 3; n++) expect(String((await reader.next()).value?.bytes)).toBe(`block ${n}`)
    const rest = far.messages()
    for (let n = 0; n < 3; n++) expect(String((await rest.next()).value?.bytes)).toBe(`vote ${n}`)
  })

  it('ends when the device closes, after what is left', async () => {
    const { near, connection, far } = await network.connected()
    const messages = far.messages()
    const outgoing = await connection.send(Buffer.from('left'))
    expect(await outgoing.settled).toBe('delivered')
    await near.close()
    await far.close()
    expect(String((await messages.next()).value?.bytes)).toBe('left')
    expect((await messages.next()).done).toBe(true)
  })

  it('shares a slow reader out between peers by bytes, however much and however urgent one of them sends', async () => {
    const [hub, flood, modest] = (await network.group(
      3,
      [
        [0, 1],
        [0, 2],
      ],
      {
        limits: { receiveBytesPerConnection: 2 * MIB, messageBytes: MIB },
      },
    )) as [Device, Device, Device]
    const sending = [keepSending(flood, MIB / 4, 255), keepSending(modest, 8 * 1_024, 0)]
    const messages = hub.messages()
    const bytes = new Map<string, number>()
    let taken = 0
    let looked = 0
    while (taken < 8 * MIB) {
      // Slower than both of them: each always has more to give than is taken until the next look.
      if (taken >= looked) {
        await until(() => [...hub.connections].every((connection) => connection.stats().receiveHeldBytes > MIB))
        looked = taken + MIB / 2
      }
      const { value } = (await messages.next()) as { value: Message }
      const { publicKey } = value.connection.peer
      taken += value.bytes.length
      bytes.set(publicKey, (bytes.get(publicKey) ?? 0) + value.bytes.length)
    }
    const ratio = (bytes.get(flood.publicKey) ?? 0) / (bytes.get(modest.publicKey) ?? 1)
    expect(ratio).toBeLessThan(2)
    await hub.close({ timeout: 0 })
    await Promise.all(sending)
  })

  it('lets an urgent reader go on while nobody reads bulk, from any peer', async () => {
    const [hub, ...leaves] = (await network.group(
      4,
      [
        [0, 1],
        [0, 2],
        [0, 3],
      ],
      {
        limits: { receiveBytesPerConnection: MIB, messageBytes: MIB },
      },
    )) as [Device, ...Device[]]
    for (const leaf of leaves) for (let index = 0; index < 20; index++) void leaf.broadcast(pattern(MIB / 2))
    await until(() => [...hub.connections].every((connection) => connection.stats().receiveHeldBytes > 0))
    const urgent = hub.messages({ minPriority: 128 })
    for (let round = 0; round < 20; round++) {
      for (const leaf of leaves) {
        const results = await leaf.broadcast(Buffer.of(round), { priority: 200 })
        const { value } = await urgent.next()
        expect(value?.bytes[0]).toBe(round)
        expect(await [...results.values()][0]?.settled).toBe('delivered')
      }
    }
    const bulk = hub.messages({ maxPriority: 127 })
    for (let index = 0; index < 60; index++) {
      const { value } = await bulk.next()
      expect(value?.bytes.length).toBe(MIB / 2)
    }
  })

  it('counts what a peer marks as urgent as what the peer may send', async () => {
    const { far, back, connection } = await network.connected()
    back.update({ maxPriority: 50 })
    const outgoing = await Promise.all(
      [20, 50, 255].map((priority) => connection.send(Buffer.of(priority), { priority })),
    )
    await Promise.all(outgoing.map(({ settled }) => settled))
    const urgent = far.messages({ minPriority: 50 })
    for (let index = 0; index < 2; index++) expect((await urgent.next()).value?.priority).toBe(50)
    const { value: rest } = await far.messages().next()
    expect([rest?.bytes[0], rest?.priority]).toEqual([20, 20])
    // All of it was counted back: as much again finds room.
    for (let index = 0; index < 50; index++) {
      const sent = await connection.send(pattern(MIB), { priority: 255 })
      await far.messages().next()
      expect(await sent.settled).toBe('delivered')
    }
  })

  it('takes turns with a paused reader of one connection: that one loses nothing, and slows only itself', async () => {
    const [hub, paused, lively] = (await network.group(
      3,
      [
        [0, 1],
        [0, 2],
      ],
      {
        limits: { receiveBytesPerConnection: MIB, messageBytes: MIB },
      },
    )) as [Device, Device, Device]
    const connectionOf = (leaf: Device): Connection =>
      [...hub.connections].find(({ peer }) => peer.publicKey === leaf.publicKey) as Connection
    for (let index = 0; index < 10; index++) void paused.broadcast(pattern(MIB / 2, index))
    const fromLively = connectionOf(lively).messages()
    for (let index = 0; index < 30; index++) {
      await lively.broadcast(pattern(MIB / 2, index))
      expect((await fromLively.next()).value?.bytes.equals(pattern(MIB / 2, index))).toBe(true)
    }
    const fromPaused = connectionOf(paused).messages()
    for (let index = 0; index < 10; index++)
      expect((await fromPaused.next()).value?.bytes.equals(pattern(MIB / 2, index))).toBe(true)
  })

  it('gives out what a connection left that ended', async () => {
    const pair = await network.pair()
    const { connection } = await connect(pair)
    const messages = pair.far.messages()
    const outgoing = await connection.send(Buffer.from('left'))
    expect(await outgoing.settled).toBe('delivered')
    await connection.close()
    await until(() => pair.far.connections.size === 0)
    expect(String((await messages.next()).value?.bytes)).toBe('left')
  })
})

eachDriver('a thread that stands still for two seconds', (network) => {
  it('costs no connection and loses nothing, with bulk and urgent messages under way', async () => {
    const { near, connection, accepted } = await network.connected()
    const received = new Map<number, number>()
    const reading = (async () => {
      for await (const { bytes, priority } of accepted.messages()) {
        const next = received.get(priority) ?? 0
        expect(bytes.readUInt32LE()).toBe(next)
        received.set(priority, next + 1)
      }
    })()
    let sent = 0
    const sendAll = async (priority: number, size: number): Promise<void> => {
      for (let index = 0; index < 40; index++) {
        const bytes = Buffer.alloc(size)
        bytes.writeUInt32LE(index)
        await connection.send(bytes, { priority })
        sent += 1
      }
    }
    const sending = Promise.all([sendAll(0, MIB), sendAll(200, 1_000)])
    await until(() => sent > 10)
    for (let round = 0; round < 2; round++) {
      busy(2_000)
      const before = sent
      await until(() => sent > before || sent === 80)
    }
    await sending
    await connection.close({ timeout: 60_000 })
    await reading
    expect([...received].sort()).toEqual([
      [0, 40],
      [200, 40],
    ])
    expect(near.stats().lanes).toMatchObject([
      { priority: 0, delivered: 40, lost: 0 },
      { priority: 200, delivered: 40, lost: 0 },
    ])
  }, 30_000)
})

async function keepSending(device: Device, size: number, priority: number): Promise<void> {
  const [connection] = device.connections
  try {
    while (connection?.isOpen) await connection.send(pattern(size), { priority })
  } catch {
    // The connection is over.
  }
}

function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
