import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { expect, it } from '@jest/globals'
import type { Connection, Device, Outgoing } from 'warren'
import { collect, eachDriver, endpointOf, nothingFor, pattern, peerEvent, until } from './network.js'

const MIB = 2 ** 20
/** More than what a test sends takes anywhere, on an emulated processor beside other work. */
const PATIENT = { timeout: 60_000 }

eachDriver('closing', (network) => {
  it("is told of by each device once, after the connection's own 'close' and before its own", async () => {
    const { near, far, connection, accepted } = await network.connected()
    const told: string[] = []
    for (const [device, end] of [
      [near, connection],
      [far, accepted],
    ] as const) {
      const name = device === near ? 'near' : 'far'
      end.on('close', () => told.push(`${name} connection`))
      device.on('connectionClose', (closed, reason) => {
        expect(closed).toBe(end)
        told.push(`${name} ${reason.by} ${reason.code} ${device.connections.size} ${end.peer.connections.size}`)
      })
      device.on('close', () => told.push(`${name} device`))
    }
    await near.close({ code: 6 })
    await accepted.closed
    await far.close()
    expect(told.filter((one) => one.startsWith('near'))).toEqual(['near connection', 'near local 6 0 0', 'near device'])
    expect(told.filter((one) => one.startsWith('far'))).toEqual(['far connection', 'far remote 6 0 0', 'far device'])
  })

  it('tells the other end code and reason', async () => {
    const { connection, accepted } = await network.connected()
    const closed = once(accepted, 'close')
    await connection.close({ code: 42, reason: 'done for today' })
    expect(await connection.closed).toEqual({ by: 'local', code: 42, reason: 'done for today', error: undefined })
    expect(await accepted.closed).toEqual({ by: 'remote', code: 42, reason: 'done for today', error: undefined })
    expect(await closed).toEqual([await accepted.closed])
  })

  it('delivers 1 MiB first, over 50 ms and 2 % loss', async () => {
    const { connection, accepted } = await network.connected({}, {}, { delay: 25, loss: 0.02, seed: 7 })
    const received = collect(accepted)
    const sent = Array.from({ length: 4 }, (_, index) => pattern(MIB / 4, index))
    const outgoing = sent.map((bytes) => connection.send(bytes))
    await connection.close(PATIENT)
    const outcomes = await Promise.all(outgoing.map(async (sending) => (await sending).settled))
    expect(outcomes).toEqual(Array(4).fill('delivered'))
    const messages = await received
    expect(messages.length).toBe(4)
    expect(sent.filter((bytes) => !messages.some((message) => message.equals(bytes)))).toEqual([])
  }, 65_000)

  it('delivers what streams were given before they were ended', async () => {
    const { connection, accepted } = await network.connected()
    const received = new Promise<number>((resolve) => {
      accepted.on('stream', (stream) => {
        let length = 0
        stream.on('data', (chunk: Buffer) => {
          length += chunk.length
        })
        stream.on('close', () => resolve(length))
      })
    })
    connection.openStream({ direction: 'out' }).end(pattern(2 * MIB))
    await connection.close(PATIENT)
    expect(await received).toBe(2 * MIB)
  }, 65_000)

  it('delivers what a stream was given in the same turn', async () => {
    const { connection, accepted } = await network.connected()
    const heard = once(accepted, 'stream').then(async ([stream]) => {
      const [chunk] = await once(stream as Readable, 'data')
      return String(chunk)
    })
    connection.openStream({ direction: 'out' }).write('last words')
    await connection.close()
    expect(await heard).toBe('last words')
  })

  it('ends at its time limit when the reader does not read', async () => {
    const { connection } = await network.connected(
      {},
      { limits: { receiveBytesPerConnection: MIB, messageBytes: MIB } },
    )
    const outgoing: Promise<Outgoing>[] = []
    for (let index = 0; index < 20; index++) outgoing.push(connection.send(pattern(MIB)))
    const start = performance.now()
    await connection.close({ timeout: 300 })
    expect(performance.now() - start).toBeGreaterThan(290)
    const outcomes = await Promise.allSettled(outgoing.map(async (sent) => (await sent).settled))
    const ends = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.code))
    expect(ends).toContain('lost')
    expect(ends.filter((end) => end === 'delivered').length).toBeLessThan(10)
  })

  it('takes no new work', async () => {
    const { connection } = await network.connected()
    const closing = connection.close()
    await expect(connection.send(Buffer.of(1))).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    expect(connection.sendDatagram(Buffer.of(1))).toBe(false)
    await closing
    await expect(connection.send(Buffer.of(1))).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    await connection.close()
    connection.destroy()
  })

  it('at once is at once', async () => {
    const { connection, accepted } = await network.connected({ uplink: 1_000_000 })
    // 32 s of bulk.
    const outgoing = await Promise.all(Array.from({ length: 4 }, () => connection.send(pattern(MIB))))
    connection.destroy({ code: 1, reason: 'panic' })
    expect(await connection.closed).toMatchObject({ by: 'local', code: 1 })
    expect(await accepted.closed).toMatchObject({ by: 'remote', code: 1, reason: 'panic' })
    expect(new Set(await Promise.all(outgoing.map(({ settled }) => settled)))).toEqual(new Set(['lost']))
  })

  it('of a device delivers what its connections were given', async () => {
    const { near, far, connection, accepted } = await network.connected()
    const received = collect(accepted)
    void connection.send(pattern(MIB))
    await near.close({ code: 2, reason: 'shutting down', ...PATIENT })
    expect(await accepted.closed).toMatchObject({ by: 'remote', code: 2, reason: 'shutting down' })
    expect((await received)[0]?.equals(pattern(MIB))).toBe(true)
    expect([near.connections.size, far.connections.size]).toEqual([0, 0])
  }, 65_000)

  it('a peer ends its connections, at once on request', async () => {
    const { near, far, peer, connection, accepted } = await network.connected()
    const removing = peer.remove({ code: 7, reason: 'revoked', timeout: 0 })
    expect(await connection.closed).toMatchObject({ by: 'local', error: { code: 'ERR_WARREN_PEER_REMOVED' } })
    await removing
    expect(await accepted.closed).toMatchObject({ by: 'remote', code: 7, reason: 'revoked' })
    await expect(connection.send(Buffer.of(1))).rejects.toMatchObject({ code: 'ERR_WARREN_PEER_REMOVED' })
    await expect(peer.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_PEER_REMOVED' })
    expect([near.peers.size, near.connections.size, far.connections.size]).toEqual([0, 0, 0])
  })

  it('a peer gracefully delivers first, and can be added again at once', async () => {
    const { near, far, peer, connection, accepted } = await network.connected()
    const received = collect(accepted)
    void connection.send(pattern(MIB))
    await peer.remove(PATIENT)
    expect((await received)[0]?.length).toBe(MIB)
    const again = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
    await again.connect()
  }, 65_000)

  it('a peer takes its key along only when it is over, and says so to whoever adds it sooner', async () => {
    const { near, far, peer } = await network.connected()
    const removal = peer.remove()
    expect(near.peers.get(far.publicKey)).toBe(peer)
    expect(() => peer.update({ maxPriority: 1 })).toThrow(expect.objectContaining({ code: 'ERR_WARREN_PEER_REMOVED' }))
    const said = {
      code: 'ERR_WARREN_PEER_EXISTS',
      message: expect.stringMatching(/being removed; await its remove\(\)/),
    }
    expect(() => near.addPeer({ publicKey: far.publicKey })).toThrow(expect.objectContaining(said))
    await removal
    expect(near.peers.size).toBe(0)
    expect(near.addPeer({ publicKey: far.publicKey })).toBe(near.peers.get(far.publicKey))
  })

  it('a stranger that was let in takes its key along in the same way', async () => {
    const far = await network.open({ authorize: () => true })
    const near = await network.open()
    await near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
    await until(() => far.connections.size === 1)
    const removal = far.peers.get(near.publicKey)?.remove()
    expect(() => far.addPeer({ publicKey: near.publicKey })).toThrow(/being removed; await its remove\(\)/)
    await removal
  })

  it('harms no other peer', async () => {
    const far = await network.open({ authorize: () => true })
    const pairs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const near = await network.open()
        const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
        return { near, peer, connection: await peer.connect() }
      }),
    )
    await until(() => far.connections.size === 5)
    const [first, ...others] = pairs
    first?.connection.destroy()
    await far.peers.get(first?.near.publicKey ?? '')?.remove({ timeout: 0 })
    for (const { connection } of others) expect(await (await connection.send(Buffer.of(1))).settled).toBe('delivered')
    expect(far.connections.size).toBe(4)
  })
})

eachDriver('losing', (network) => {
  it('a peer is noticed, and the end says so', async () => {
    const { connection, wire } = await network.connected({ deadAfter: 300 }, {}, {})
    wire.cut()
    const outgoing = await connection.send(Buffer.from('anybody?'))
    expect(await connection.closed).toMatchObject({ by: 'network', error: { code: 'ERR_WARREN_PEER_DEAD' } })
    expect(await outgoing.settled).toBe('lost')
  })

  it('an idle peer is noticed with a heartbeat', async () => {
    const { connection, wire } = await network.connected({ deadAfter: 2_000, heartbeat: 250 }, {}, {})
    await nothingFor(2_500)
    expect(connection.isOpen).toBe(true)
    wire.cut()
    expect(await connection.closed).toMatchObject({ error: { code: 'ERR_WARREN_PEER_DEAD' } })
  })

  it('the network redials by itself, and announces the new connection', async () => {
    const { near, far, connection, wire } = await network.connected({ deadAfter: 300 }, { deadAfter: 300 }, {})
    wire.cut()
    await connection.send(Buffer.of(1))
    await connection.closed
    const [here, there] = [once(near, 'connection'), once(far, 'connection')]
    wire.mend()
    const [again] = (await here) as [Connection]
    const [accepted] = (await there) as [Connection]
    expect(again).not.toBe(connection)
    await again.send(Buffer.from('back'))
    expect(String((await accepted.messages().next()).value?.bytes)).toBe('back')
  }, 20_000)

  it('a connection on purpose does not', async () => {
    const { near, connection, accepted } = await network.connected()
    await accepted.close()
    await connection.closed
    await nothingFor(300)
    expect(near.connections.size).toBe(0)
  })

  it('a peer that comes back with the same key has a working connection long before the old one would be found dead', async () => {
    const { near, far, connection, wire } = await network.connected({}, {}, {})
    const fresh = nextConnection(near, connection)
    await network.crash(far, wire)
    const reborn = await network.open({ privateKey: network.keyOf(far) })
    wire.mend(reborn.address.port)
    const dialled = await reborn.addPeer({ publicKey: near.publicKey, endpoint: endpointOf(near) }).connect()
    expect(await connection.closed).toMatchObject({ error: { code: 'ERR_WARREN_PEER_RESTARTED' } })
    const accepted = await fresh
    await accepted.send(Buffer.from('welcome back'))
    expect(String((await dialled.messages().next()).value?.bytes)).toBe('welcome back')
    await nothingFor(300)
    expect(near.connections.size).toBe(1)
  })

  it('a dialler that comes back with the same key as well', async () => {
    const { near, far, accepted, wire } = await network.connected({}, {}, {})
    const fresh = nextConnection(far, accepted)
    await network.crash(near, wire)
    const reborn = await network.open({ privateKey: network.keyOf(near) })
    const dialled = await reborn.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
    expect(await accepted.closed).toMatchObject({ error: { code: 'ERR_WARREN_PEER_RESTARTED' } })
    await (await fresh).send(Buffer.from('hello again'))
    expect(String((await dialled.messages().next()).value?.bytes)).toBe('hello again')
    expect(far.connections.size).toBe(1)
  })

  it('a peer tells that its tunnel is down, when it is', async () => {
    const { near, peer } = await network.connected()
    const removed = peerEvent(near, 'removed')
    await peer.remove({ reason: 'gone' })
    expect(await removed).toMatchObject({ reason: 'gone' })
    expect(peer.up).toBe(false)
  })
})

/** The next connection of a device that is not the one it has. */
function nextConnection(device: Device, known: Connection): Promise<Connection> {
  return new Promise((resolve) => {
    device.on('connection', (connection) => {
      if (connection !== known) resolve(connection)
    })
  })
}
