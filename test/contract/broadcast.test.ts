import { expect, it } from '@jest/globals'
import type { Connection, Device, Outgoing } from 'warren'
import { collect, eachDriver, pairs, pattern, until } from './network.js'

const MIB = 2 ** 20

const STAR: readonly [number, number][] = [1, 2, 3, 4].map((leaf) => [0, leaf])

eachDriver('a broadcast', (network) => {
  it('arrives whole at every connection, in the order of the broadcasts', async () => {
    const [hub, ...leaves] = (await network.group(5, STAR)) as [Device, ...Device[]]
    const received = leaves.map((leaf) => collect(only(leaf)))
    const sizes = [0, 1, 5_000, MIB, 3]
    for (const [index, size] of sizes.entries()) {
      const bytes = pattern(size, index)
      const results = hub.broadcast(bytes, { priority: 4 })
      bytes.fill(0)
      expect([...(await results).keys()]).toEqual([...hub.connections])
      await settled(await results, 'delivered')
    }
    await hub.close()
    for (const messages of await Promise.all(received)) {
      expect(messages.map(({ length }) => length)).toEqual(sizes)
      for (const [index, bytes] of messages.entries()) expect(bytes.equals(pattern(bytes.length, index))).toBe(true)
    }
  })

  it('is of one protocol, which is named where the device has several', async () => {
    const protocols = ['ledger/1', 'chat/1']
    const pair = await network.pair({ protocols }, { protocols })
    const [ledger, chat] = await Promise.all(protocols.map((name) => pair.peer.connect({ protocols: [name] })))
    await until(() => pair.far.connections.size === 2)
    await expect(pair.near.broadcast(Buffer.of(1))).rejects.toThrow(
      "options.protocol must be 'ledger/1' or 'chat/1', for the device has several; got undefined",
    )
    const to = { to: [ledger as Connection], protocol: 'ledger/1' }
    await expect(pair.near.broadcast(Buffer.of(1), to)).rejects.toThrow('options.protocol')
    const results = await pair.near.broadcast(Buffer.from('an entry'), { protocol: 'ledger/1' })
    expect([...results.keys()]).toEqual([ledger])
    await settled(results, 'delivered')
    await chat?.send(Buffer.from('a word'))
    for (const { protocol, messages } of [...pair.far.connections].map((connection) => ({
      protocol: connection.protocol,
      messages: connection.messages(),
    }))) {
      const { value } = await messages.next()
      expect([protocol, String(value?.bytes)]).toEqual(
        protocol === 'chat/1' ? ['chat/1', 'a word'] : ['ledger/1', 'an entry'],
      )
    }
    expect((await pair.near.broadcast(Buffer.of(1), { protocol: 'nobody/1' })).size).toBe(0)
    expect((await pair.near.broadcast(Buffer.of(1), { to: pair.near.connections })).size).toBe(2)
  })

  it('waits for nobody but at a slow peer, which gets it all in the end', async () => {
    const [hub, slow, ...others] = (await network.group(5, STAR, {
      limits: { receiveBytesPerConnection: 2 * MIB, messageBytes: MIB },
    })) as [Device, Device, ...Device[]]
    const count = 12
    const received = new Map(others.map((leaf) => [leaf, gather(leaf)]))
    const results: Promise<ReadonlyMap<Connection, Outgoing>>[] = []
    for (let index = 0; index < count; index++) results.push(hub.broadcast(pattern(MIB, index)))
    await until(() => [...received.values()].every(({ length }) => length === count))
    const lane = hub.peers.get(slow.publicKey)?.stats().lanes[0]
    expect(lane?.delivered).toBeLessThan(count)
    const late = gather(slow)
    for (const result of results) await settled(await result, 'delivered')
    await until(() => late.length === count)
    for (const [index, bytes] of late.entries()) expect(bytes.equals(pattern(MIB, index))).toBe(true)
  })

  it('drops at a slow peer alone what waits for longer than its patience', async () => {
    const [hub, slow, ...others] = (await network.group(5, STAR, {
      limits: { receiveBytesPerConnection: MIB, messageBytes: MIB },
    })) as [Device, Device, ...Device[]]
    const received = others.map((leaf) => gather(leaf))
    const toSlow: Outgoing[] = []
    for (let index = 0; index < 16; index++) {
      for (const [{ peer }, outgoing] of await hub.broadcast(pattern(MIB, index), { patience: 100 })) {
        if (peer.publicKey === slow.publicKey) toSlow.push(outgoing)
        else expect(await outgoing.settled).toBe('delivered')
      }
    }
    expect(received.map(({ length }) => length)).toEqual([16, 16, 16])
    const late = gather(slow)
    const outcomes = await Promise.all(toSlow.map(({ settled }) => settled))
    const dropped = outcomes.filter((outcome) => outcome === 'dropped').length
    expect(dropped).toBeGreaterThan(4)
    expect(hub.peers.get(slow.publicKey)?.stats().lanes[0]).toMatchObject({ dropped, delivered: 16 - dropped })
    await until(() => late.length === 16 - dropped)
  })

  it('settles as lost where a connection ends, and rejects nowhere', async () => {
    const [hub, gone] = (await network.group(3, [
      [0, 1],
      [0, 2],
    ])) as [Device, Device]
    const connections = [...hub.connections]
    await gone.close({ timeout: 0 })
    await until(() => hub.connections.size === 1)
    const results = await hub.broadcast(pattern(10), { to: connections })
    const outcomes = await Promise.all(connections.map((connection) => results.get(connection)?.settled))
    expect([...outcomes].sort()).toEqual(['delivered', 'lost'])
  })

  it.each(['ring', 'mesh'] as const)(
    'that floods a %s beyond all limits keeps to them: some copies are dropped, nothing stands still, nothing stays',
    async (shape) => {
      const most = 3 * MIB
      const devices = await network.group(6, pairs(6, shape), {
        limits: { queuedBytesPerPeer: most, receiveBytesPerConnection: 2 * MIB, messageBytes: MIB },
      })
      const seen = devices.map(() => new Set<string>())
      const outcomes = new Map<string, number>()
      let underWay = 0
      let taken = 0
      const send = async (device: Device, bytes: Uint8Array, except?: Connection): Promise<void> => {
        underWay += 1
        const results = await device.broadcast(bytes, { except })
        expect(device.stats().queuedBytes).toBeLessThanOrEqual(device.connections.size * most)
        for (const { settled } of results.values()) {
          const outcome = await settled
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
        underWay -= 1
      }
      for (const [index, device] of devices.entries()) {
        void (async () => {
          for await (const { bytes, connection } of device.messages()) {
            taken += 1
            const id = bytes.toString('hex', 0, 16)
            if (!seen[index]?.has(id)) void send(device, bytes, connection)
            seen[index]?.add(id)
          }
        })()
      }
      for (let round = 0; round < (shape === 'ring' ? 5 : 3); round++) {
        for (const [index, device] of devices.entries()) void send(device, pattern(MIB, round * 10 + index))
      }
      await until(() => underWay === 0 && taken === outcomes.get('delivered'))
      expect([...outcomes.keys()].sort()).toEqual(['delivered', 'dropped'])
      await until(() => devices.every((device) => device.stats().queuedBytes === 0))
      for (const held of seen) expect(held.size).toBeGreaterThan(5)
      const last = Buffer.alloc(16, 1)
      for (const held of seen) held.add(last.toString('hex'))
      const results = await (devices[0] as Device).broadcast(last)
      await settled(results, 'delivered')
    },
    60_000,
  )

  it.each(['ring', 'mesh'] as const)(
    'of 1 MiB from each of six in a %s, passed on without waiting, reaches all, and nothing stands still',
    async (shape) => {
      const devices = await network.group(6, pairs(6, shape))
      const count = shape === 'ring' ? 2 : 1
      const seen = devices.map(() => new Set<string>())
      const peak = { queued: 0 }
      const reading = devices.map(async (device, index) => {
        for await (const { bytes, connection } of device.messages()) {
          const id = bytes.toString('hex', 0, 16)
          if (seen[index]?.has(id)) continue
          seen[index]?.add(id)
          void device.broadcast(bytes, { except: connection })
          peak.queued = Math.max(peak.queued, device.stats().queuedBytes)
        }
      })
      for (let round = 0; round < count; round++) {
        for (const [index, device] of devices.entries()) {
          const bytes = pattern(MIB, round * 10 + index)
          seen[index]?.add(bytes.toString('hex', 0, 16))
          void device.broadcast(bytes)
        }
      }
      await until(() => seen.every(({ size }) => size === count * devices.length))
      await until(() => devices.every((device) => device.stats().queuedBytes === 0))
      expect(peak.queued).toBeLessThanOrEqual(count * devices.length * 5 * (MIB + 512))
      for (const device of devices) expect(device.connections.size).toBe(shape === 'ring' ? 2 : 5)
      await Promise.all(devices.map((device) => device.close()))
      await Promise.all(reading)
    },
    60_000,
  )
})

function only(device: Device): Connection {
  const [connection] = device.connections
  if (connection === undefined) throw new Error('no connection')
  return connection
}

/** All messages of the one connection of a device, as they come. */
function gather(device: Device): Buffer[] {
  const messages: Buffer[] = []
  void (async () => {
    for await (const { bytes } of only(device).messages()) messages.push(bytes)
  })()
  return messages
}

async function settled(results: ReadonlyMap<Connection, Outgoing>, outcome: string): Promise<void> {
  const outcomes = await Promise.all(Array.from(results.values(), ({ settled }) => settled))
  expect(new Set(outcomes)).toEqual(new Set([outcome]))
}
