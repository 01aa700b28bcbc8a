import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { expect, it } from '@jest/globals'
import { type Connection, PrivateKey } from 'warren'
import { bringUp, connect, eachDriver, endpointOf, nothingFor, peerEvent, until } from './network.js'

eachDriver('connecting', (network) => {
  it('gives both ends one connection, announced once on each side', async () => {
    const pair = await network.pair({ protocols: ['ledger/2', 'ledger/1'] }, { protocols: ['ledger/1', 'ledger/2'] })
    const seen: Connection[][] = [[], []]
    pair.near.on('connection', (connection) => seen[0]?.push(connection))
    pair.far.on('connection', (connection) => seen[1]?.push(connection))
    const { connection, accepted } = await connect(pair)
    expect([connection.initiator, accepted.initiator]).toEqual(['local', 'remote'])
    expect([connection.peer, accepted.peer]).toEqual([pair.peer, pair.back])
    expect(connection.protocol).toBe(accepted.protocol)
    expect(seen).toEqual([[connection], [accepted]])
    expect([...pair.near.connections]).toEqual([connection])
    expect(await pair.peer.connect()).toBe(connection)
    expect(await pair.back.connect()).toBe(accepted)
    expect(seen).toEqual([[connection], [accepted]])
  })

  it('keeps connections for the first listener', async () => {
    const pair = await network.pair()
    const connection = await pair.peer.connect()
    await connection.send(Buffer.from('early'))
    await until(() => [...pair.far.connections].some((accepted) => (accepted.stats().receiveHeldBytes ?? 0) > 0))
    const [accepted] = (await once(pair.far, 'connection')) as [Connection]
    expect(String((await accepted.messages().next()).value?.bytes)).toBe('early')
    const [announced] = (await once(pair.near, 'connection')) as [Connection]
    expect(announced).toBe(connection)
  })

  it('chooses the protocol that both like best, whoever dials', async () => {
    const lists = [
      ['a', 'b', 'c'],
      ['c', 'b'],
    ] as const
    for (const [near, far] of [lists, [lists[1], lists[0]]] as const) {
      const { connection, accepted } = await network.connected({ protocols: near }, { protocols: far })
      expect([connection.protocol, accepted.protocol]).toEqual(['b', 'b'])
    }
  })

  it('fails when there is no protocol in common, and says what the other accepts', async () => {
    const { peer } = await network.pair({ protocols: ['ledger/1'] }, { protocols: ['ledger/9'] })
    await expect(peer.connect()).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_COMMON_PROTOCOL',
      message: expect.stringContaining('ledger/9'),
    })
  })

  it('says so where the socket is of the wrong family for the endpoint, by the choice of listen.host', async () => {
    const device = await network.open()
    const peer = device.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '[::1]:9' })
    const refused = new Promise<void>((resolve) => {
      const told = (message: unknown): void => {
        const { type, publicKey } = Object(message).event
        if (type !== 'unreachable' || publicKey !== peer.publicKey) return
        unsubscribe('warren:handshake', told)
        resolve()
      }
      subscribe('warren:handshake', told)
    })
    const signal = new AbortController()
    const dialling = peer.connect({ timeout: 600_000, signal: signal.signal })
    await refused
    // It joins the dial, and knows what that tried.
    await expect(peer.connect({ timeout: 1 })).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_HANDSHAKE',
      message: expect.stringContaining(
        "The device's socket is IPv4 only, for its listen.host is 127.0.0.1: leave that out",
      ),
    })
    signal.abort(new Error('enough'))
    await expect(dialling).rejects.toThrow('enough')
  })

  it('gives one connection to all who ask at once', async () => {
    const { peer, near } = await network.pair()
    const connections = await Promise.all(Array.from({ length: 20 }, () => peer.connect()))
    expect(new Set(connections).size).toBe(1)
    expect(near.connections.size).toBe(1)
  })

  it('gives both the same one when both dial in the same instant', async () => {
    for (let round = 0; round < 10; round++) {
      const { near, far, peer, back } = await network.pair()
      back.update({ endpoint: endpointOf(near) })
      const counts: [number, number] = [0, 0]
      near.on('connection', () => counts[0]++)
      far.on('connection', () => counts[1]++)
      const [here, there] = await Promise.all([peer.connect(), back.connect()])
      expect([here.initiator, there.initiator].sort()).toEqual(['local', 'remote'])
      expect(counts).toEqual([1, 1])
      await here.send(Buffer.from('ping'))
      expect(String((await there.messages().next()).value?.bytes)).toBe('ping')
      expect([near.connections.size, far.connections.size]).toEqual([1, 1])
      await near.close()
    }
  }, 15_000)

  it('also when both dial over a slow network', async () => {
    const near = await network.open()
    const far = await network.open()
    const [there, here] = [await network.lay(far, { delay: 20 }), await network.lay(near, { delay: 20 })]
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: there.endpoint })
    const back = far.addPeer({ publicKey: near.publicKey, endpoint: here.endpoint })
    const [a, b] = await Promise.all([peer.connect(), back.connect()])
    await b.send(Buffer.from('ping'))
    expect(String((await a.messages().next()).value?.bytes)).toBe('ping')
    expect([near.connections.size, far.connections.size]).toEqual([1, 1])
  })

  it('fails at once without an endpoint', async () => {
    const { back } = await network.pair()
    await expect(back.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_NO_ENDPOINT' })
  })

  it('fails after its time when nobody answers', async () => {
    const { peer, wire, far } = await network.pair({}, {}, {})
    wire.cut()
    const start = performance.now()
    await expect(peer.connect({ timeout: 250 })).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_HANDSHAKE',
      message: expect.stringContaining(`from ${far.publicKey} in 250 ms; tried ${wire.endpoint} (`),
      peer: far.publicKey,
      tried: [{ endpoint: wire.endpoint, times: expect.any(Number), error: undefined }],
    })
    expect(performance.now() - start).toBeGreaterThan(240)
  })

  it('leaves nothing half-way when it fails, and works at once when it is called again', async () => {
    let isThere = false
    let lost = 0
    const carries = (): boolean => {
      if (!isThere) lost += 1
      return isThere
    }
    const { peer, near } = await network.pair({}, {}, { carries })
    await expect(peer.connect({ timeout: 300 })).rejects.toMatchObject({ code: 'ERR_WARREN_NO_HANDSHAKE' })
    const { initiationsSent } = near.stats()
    // What is on its way is lost as well.
    await until(() => lost >= (initiationsSent ?? 0))
    isThere = true
    // Longer than any two initiations of one handshake are apart.
    await nothingFor(6_000)
    expect([peer.up, near.stats().initiationsSent]).toEqual([false, initiationsSent])
    await peer.connect({ timeout: 4_000 })
  }, 20_000)

  it('fails clearly with a plain WireGuard peer, whose tunnel works', async () => {
    const { peer } = await network.pair({}, {}, { carries: isPlainWireGuard })
    await bringUp(peer)
    await expect(peer.connect({ timeout: 500 })).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_TRANSPORT',
      message: expect.stringContaining('the path carries less than the 1,308 bytes'),
    })
    expect(peer.up).toBe(true)
  })

  it('stops when it is aborted, for the one who aborts', async () => {
    const { peer, wire, near } = await network.pair({}, {}, {})
    wire.cut()
    const controller = new AbortController()
    const aborted = peer.connect({ signal: controller.signal, timeout: 60_000 })
    const other = peer.connect({ timeout: 60_000 })
    const reason = new Error('changed my mind')
    const outcome = expect(aborted).rejects.toBe(reason)
    await until(() => (near.stats().initiationsSent ?? 0) > 0)
    controller.abort(reason)
    await outcome
    await expect(peer.connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await near.close()
    await expect(other).rejects.toMatchObject({ code: 'ERR_WARREN_DEVICE_CLOSED' })
  })

  it('finds the host by name', async () => {
    const { peer, far } = await network.pair()
    peer.update({ endpoint: `localhost:${far.address.port}` })
    await peer.connect()
  })

  it('says which name does not resolve', async () => {
    const { peer } = await network.pair()
    peer.update({ endpoint: 'no-such-host.invalid:1' })
    await expect(peer.connect({ timeout: 300 })).rejects.toMatchObject({
      code: 'ERR_WARREN_NAME_NOT_RESOLVED',
      message: expect.stringContaining('no-such-host.invalid'),
    })
  })

  it('tries the next endpoint when one does not answer', async () => {
    const { peer, far } = await network.pair()
    peer.update({ endpoint: ['127.0.0.1:9', endpointOf(far)] })
    await peer.connect({ timeout: 15_000 })
    expect(peer.endpoint).toBe(endpointOf(far))
  }, 20_000)

  it('refuses more connections than may wait for a listener', async () => {
    const far = await network.open({ limits: { pendingConnections: 2 }, authorize: () => true })
    const outcomes: unknown[] = []
    for (let index = 0; index < 4; index++) {
      const near = await network.open()
      const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
      await bringUp(peer)
      outcomes.push(
        await peer.connect({ timeout: index < 2 ? 10_000 : 1_000 }).then(
          () => 'connected',
          ({ code }) => code,
        ),
      )
    }
    expect(outcomes).toEqual([
      'connected',
      'connected',
      'ERR_WARREN_CONNECTION_REFUSED',
      'ERR_WARREN_CONNECTION_REFUSED',
    ])
    const taken: Connection[] = []
    far.on('connection', (connection) => taken.push(connection))
    await until(() => taken.length === 2)
    const near = await network.open()
    await near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
    await until(() => taken.length === 3)
  })

  it('takes connections without a listener once their messages are read over the device', async () => {
    const far = await network.open({ limits: { pendingConnections: 1 }, authorize: () => true })
    const messages = far.messages()
    for (const text of ['a', 'b', 'c', 'd']) {
      const near = await network.open()
      const connection = await near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
      await connection.send(Buffer.from(text))
      expect((await messages.next()).value?.bytes.toString()).toBe(text)
    }
    const taken: Connection[] = []
    far.on('connection', (connection) => taken.push(connection))
    await until(() => taken.length === 4)
  })

  it('waits for room at the peer, and gets in when its application takes connections again', async () => {
    const far = await network.open({ limits: { pendingConnections: 1 }, authorize: () => true })
    const diallers = await Promise.all([network.open(), network.open()])
    const joined = diallers.map((near) =>
      near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect(),
    )
    await until(() => far.stats().refusedConnections >= 2)
    far.on('connection', () => undefined)
    const connections = await Promise.all(joined)
    expect(connections.map(({ isOpen }) => isOpen)).toEqual([true, true])
  })

  it('takes another endpoint as a hint, and is there once nobody answers where it was', async () => {
    const { near, far, peer, connection, wire } = await network.connected({}, {}, {})
    const moved = peerEvent(far, 'moved')
    peer.update({ endpoint: endpointOf(far) })
    expect(await (await connection.send(Buffer.from('wherever it is'))).settled).toBe('delivered')
    wire.cut()
    expect(await (await connection.send(Buffer.from('from elsewhere'))).settled).toBe('delivered')
    expect(await moved).toMatchObject({ publicKey: near.publicKey, to: endpointOf(near) })
  }, 20_000)
})

/** Handshakes (types 1 to 3) and keepalives (32 bytes): all that such a peer would send. */
function isPlainWireGuard(datagram: Buffer): boolean {
  return datagram[0] !== 4 || datagram.length === 32
}
