import { once } from 'node:events'
import { expect, it } from '@jest/globals'
import type { Outgoing } from 'warren'
import { collect, connect, eachDriver, pattern, until } from './network.js'

const MIB = 2 ** 20

eachDriver('messages', (network) => {
  it.each([0, 1, 200, 1_371, 1_372, 65_536, MIB, 16 * MIB])(
    'of %d bytes arrive whole, and are delivered',
    async (length) => {
      const { connection, accepted } = await network.connected()
      const bytes = pattern(length, length)
      const outgoing = await connection.send(bytes, { priority: 17 })
      for await (const message of accepted.messages()) {
        expect(message.bytes.equals(bytes)).toBe(true)
        expect(message.priority).toBe(17)
        expect(message.connection).toBe(accepted)
        break
      }
      expect(await outgoing.settled).toBe('delivered')
      expect(await outgoing.settled).toBe('delivered')
    },
  )

  it('go both ways at once, in the order in which they were sent', async () => {
    const { connection, accepted } = await network.connected()
    const texts = Array.from({ length: 2_000 }, (_, index) => `message ${index}`)
    const received = [collect(connection), collect(accepted)]
    const outgoing: Outgoing[] = []
    for (const text of texts) {
      outgoing.push(await connection.send(Buffer.from(text)), await accepted.send(Buffer.from(text)))
    }
    const outcomes = new Set(await Promise.all(outgoing.map(({ settled }) => settled)))
    expect([...outcomes]).toEqual(['delivered'])
    await connection.close()
    for (const messages of await Promise.all(received)) expect(messages.map(String)).toEqual(texts)
  })

  it('leave by priority: an urgent one overtakes all the bulk that waits', async () => {
    const { connection, accepted } = await network.connected({ uplink: 40_000_000 })
    const order: number[] = []
    const bulk = Array.from({ length: 8 }, () => connection.send(pattern(MIB), { priority: 1 }))
    const urgent = await connection.send(Buffer.from('urgent'), { priority: 200 })
    for await (const { priority } of accepted.messages()) {
      order.push(priority)
      if (order.length === 9) break
    }
    expect(order.indexOf(200)).toBeLessThan(2)
    expect(await urgent.settled).toBe('delivered')
    await Promise.all(bulk)
  })

  it('are handed out by priority, whatever came first', async () => {
    const { connection, accepted } = await network.connected()
    const outgoing: Outgoing[] = []
    for (const priority of [0, 5, 5, 200, 0, 7]) outgoing.push(await connection.send(Buffer.of(priority), { priority }))
    await Promise.all(outgoing.map(({ settled }) => settled))
    // Events come in their order: with this stream all messages are there.
    connection.openStream({ direction: 'out' }).end()
    await once(accepted, 'stream')
    const order: number[] = []
    for await (const { priority } of accepted.messages()) if (order.push(priority) === 6) break
    expect(order).toEqual([200, 7, 5, 5, 0, 0])
  })

  it('hold the sender back when the reader pauses, and none is lost', async () => {
    const { connection, accepted } = await network.connected(
      {},
      { limits: { receiveBytesPerConnection: 4 * MIB, messageBytes: MIB } },
    )
    const count = 24
    let admitted = 0
    const sending = (async () => {
      for (let index = 0; index < count; index++) {
        await connection.send(pattern(MIB, index))
        admitted += 1
      }
    })()
    await until(() => {
      const { lanes, inFlight } = connection.stats()
      const waits = (lanes[0]?.waitingMessages ?? 0) > 0 && inFlight === 0
      return waits && accepted.stats().receiveHeldBytes > 2 * MIB
    })
    let received = 0
    for await (const { bytes } of accepted.messages()) {
      // At no time more than both ends and the way may hold.
      expect(admitted - received).toBeLessThan(16)
      expect(bytes.equals(pattern(MIB, received))).toBe(true)
      if (++received === count) break
    }
    await sending
  })

  it('that are urgent pass bulk that nobody reads', async () => {
    const { connection, accepted } = await network.connected(
      {},
      { limits: { receiveBytesPerConnection: MIB, messageBytes: MIB } },
    )
    for (let index = 0; index < 40; index++) void connection.send(pattern(MIB / 2))
    await until(() => accepted.stats().receiveHeldBytes > 0)
    const urgent = accepted.messages({ minPriority: 128 })
    for (let index = 0; index < 50; index++) {
      const outgoing = await connection.send(Buffer.of(index), { priority: 200 })
      const { value } = await urgent.next()
      expect(value?.bytes[0]).toBe(index)
      expect(await outgoing.settled).toBe('delivered')
    }
  })

  it('larger than this end takes are refused here, and larger than the other takes there', async () => {
    const { connection, accepted } = await network.connected({}, { limits: { messageBytes: 1_000 } })
    const dropped = await connection.send(Buffer.alloc(1_001))
    expect(await dropped.settled).toBe('dropped')
    const taken = await connection.send(Buffer.alloc(1_000))
    expect(await taken.settled).toBe('delivered')
    await expect(accepted.send(Buffer.alloc(1_001))).rejects.toMatchObject({ code: 'ERR_WARREN_MESSAGE_TOO_LARGE' })
  })

  it('can be taken back on the way, and then cost nothing more', async () => {
    const { connection, accepted } = await network.connected({ uplink: 8_000_000 })
    const controller = new AbortController()
    const large = await connection.send(pattern(16 * MIB), { signal: controller.signal })
    controller.abort()
    expect(await large.settled).toBe('cancelled')
    const small = await connection.send(Buffer.from('small'))
    expect(await small.settled).toBe('delivered')
    const { value } = await accepted.messages().next()
    expect(String(value?.bytes)).toBe('small')
  })

  it('settle as lost when the connection ends first', async () => {
    const { connection } = await network.connected({ uplink: 1_000_000 })
    const outgoing = await connection.send(pattern(8 * MIB))
    connection.destroy()
    expect(await outgoing.settled).toBe('lost')
  })

  it('own their memory: a hundred kept ones stay what they were', async () => {
    const { connection, accepted } = await network.connected()
    const kept: Buffer[] = []
    const reading = (async () => {
      for await (const { bytes } of accepted.messages()) {
        expect(bytes.buffer.byteLength).toBe(bytes.length)
        if (kept.push(bytes) === 100) break
      }
    })()
    for (let index = 0; index < 100; index++) await connection.send(pattern(200 + index, index))
    await reading
    for (let index = 0; index < 20; index++) await connection.send(pattern(MIB))
    const lengths = kept.map(({ length }) => length)
    expect(lengths.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => 200 + index))
    for (const bytes of kept) expect(bytes.equals(pattern(bytes.length, bytes.length - 200))).toBe(true)
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
  })

  it('may change at the sender once the send has resolved', async () => {
    const { connection, accepted } = await network.connected()
    const bytes = Buffer.alloc(100_000, 1)
    await connection.send(bytes)
    bytes.fill(2)
    const { value } = await accepted.messages().next()
    expect(value?.bytes.every((byte: number) => byte === 1)).toBe(true)
  })

  it('stay apart on two connections of one pair', async () => {
    const pair = await network.pair({ protocols: ['a', 'b'] }, { protocols: ['a', 'b'] })
    const a = await connect(pair, { protocols: ['a'] })
    const b = await connect(pair, { protocols: ['b'] })
    expect([a.accepted.protocol, b.accepted.protocol]).toEqual(['a', 'b'])
    await a.connection.send(Buffer.from('for a'))
    await b.connection.send(Buffer.from('for b'))
    expect(String((await a.accepted.messages().next()).value?.bytes)).toBe('for a')
    expect(String((await b.accepted.messages().next()).value?.bytes)).toBe('for b')
    expect(await pair.peer.connect({ protocols: ['b'] })).toBe(b.connection)
  })
})
