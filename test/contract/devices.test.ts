import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { inspect } from 'node:util'
import { expect, it } from '@jest/globals'
import { addressOf, type Device, type PeerEvent, type PeerOptions, PrivateKey, WarrenError } from 'warren'
import { connect, eachDriver, endpointOf, peerEvent } from './network.js'

eachDriver('devices', (network) => {
  it('listen on the port they say, and free it when they are closed', async () => {
    const device = await network.open()
    expect(device.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) })
    await device.close()
    const socket = createSocket('udp4')
    socket.bind(device.address.port, '127.0.0.1')
    await once(socket, 'listening')
    socket.close()
  })

  it('listen on both families by default', async () => {
    const device = await network.open({ listen: undefined })
    const dialler = await network.open({ listen: 0 })
    device.addPeer({ publicKey: dialler.publicKey })
    for (const host of ['127.0.0.1', '[::1]']) {
      const peer = dialler.addPeer({ publicKey: device.publicKey, endpoint: `${host}:${device.address.port}` })
      await peer.connect()
      expect(peer.endpoint).toBe(`${host}:${device.address.port}`)
      await peer.remove()
    }
  })

  it('show their peers and connections, and lend neither', async () => {
    const { near, peer, connection } = await network.connected()
    const shown: unknown[] = []
    near.peers.forEach((value, key, map) => void shown.push([key, value, map === near.peers]))
    near.connections.forEach((value, again, set) => void shown.push([value, again, set === near.connections]))
    expect(shown).toEqual([
      [peer.publicKey, peer, true],
      [connection, connection, true],
    ])
    const { peers, connections } = near
    expect([...peers]).toEqual([[peer.publicKey, peer]])
    expect([[...peers.keys()], [...peers.values()], [...peers.entries()]]).toEqual([
      [peer.publicKey],
      [peer],
      [[peer.publicKey, peer]],
    ])
    expect([peers.size, peers.has(peer.publicKey), peers.get(peer.publicKey) === peer]).toEqual([1, true, true])
    expect(peer.connections).toBe(peer.connections)
    for (const set of [connections, peer.connections]) {
      expect([[...set], [...set.keys()], [...set.values()]]).toEqual([[connection], [connection], [connection]])
      expect([[...set.entries()], set.size, set.has(connection)]).toEqual([[[connection, connection]], 1, true])
      expect(inspect(set)).toMatch(/^Set\(1\) \{\s*Connection \{/)
    }
    expect(inspect(peers)).toMatch(/^Map\(1\) \{\s*'[^']{44}' => Peer \{/)
    const union: unknown = Reflect.get(Set.prototype, 'union')
    expect(typeof Reflect.get(connections, 'union')).toBe(typeof union)
    for (const view of [peers, connections, peer.connections]) {
      expect(['clear', 'delete', 'set', 'add'].filter((name) => name in view)).toEqual([])
      for (const type of [Map, Set]) expect(() => type.prototype.clear.call(view)).toThrow(TypeError)
    }
    expect(await peer.connect()).toBe(connection)
  })

  it('keep what they are: an assignment to it throws', async () => {
    const { near, peer, connection } = await network.connected()
    const facts: readonly [object, readonly string[]][] = [
      [near, ['publicKey', 'address', 'addresses', 'peers', 'connections', 'closed']],
      [near.address, ['host', 'port']],
      [near.addresses, ['0', 'length']],
      [peer, ['publicKey', 'address', 'endpoint', 'connections', 'up']],
      [connection, ['peer', 'protocol', 'initiator', 'closed', 'isOpen', 'maxDatagramSize']],
      [PrivateKey.generate(), ['publicKey']],
    ]
    for (const [owner, names] of facts) {
      for (const name of names) {
        const before: unknown = Reflect.get(owner, name)
        expect(() => Object.assign(owner, { [name]: 'x' })).toThrow(TypeError)
        expect(Reflect.get(owner, name)).toBe(before)
      }
    }
  })

  it('say that a port is in use', async () => {
    const { port } = (await network.open()).address
    await expect(network.open({ listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'ERR_WARREN_ADDRESS_IN_USE',
    })
  })

  it('say that an address is not theirs', async () => {
    await expect(network.open({ listen: { host: '203.0.113.1' } })).rejects.toMatchObject({
      code: 'ERR_WARREN_LISTEN_FAILED',
    })
  })

  it('close once, however often they are asked, and say why', async () => {
    const device = await network.open()
    const events: unknown[] = []
    device.on('close', (reason) => events.push(reason))
    await Promise.all([device.close({ code: 3, reason: 'maintenance' }), device.close(), device[Symbol.asyncDispose]()])
    const reason = { by: 'local', code: 3, reason: 'maintenance', error: undefined }
    expect(await device.closed).toEqual(reason)
    expect(events).toEqual([reason])
    const { lanes, protocols, ...figures } = device.stats()
    expect([lanes, protocols, new Set(Object.values(figures))]).toEqual([[], [], new Set([0])])
    expect(device.ref()).toBe(device)
    expect(device.unref()).toBe(device)
  })

  it('take the address of another device as where a peer is, and their peers know their connections', async () => {
    const far = await network.open({ listen: 0 })
    const near = await network.open()
    far.addPeer({ publicKey: near.publicKey })
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: far.address })
    expect([...peer.connections]).toEqual([])
    const connection = await peer.connect()
    expect([...peer.connections]).toEqual([connection])
    await peer[Symbol.asyncDispose]()
    expect([near.peers.size, peer.connections.size, connection.isOpen]).toEqual([0, 0, false])
  })

  it('take no new work once they are closed', async () => {
    const { near, peer, connection } = await network.connected()
    await near.close()
    expect(() => near.addPeer({ publicKey: PrivateKey.generate().publicKey })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_DEVICE_CLOSED' }),
    )
    await expect(peer.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_DEVICE_CLOSED' })
    await expect(connection.send(Buffer.of(1))).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    expect(() => peer.update({ allowedIPs: [] })).toThrow(expect.objectContaining({ code: 'ERR_WARREN_DEVICE_CLOSED' }))
    expect(peer.sendPacket(ipv6Packet(near, peer.publicKey))).toBe(false)
    for (const { lanes, ...figures } of [peer.stats(), connection.stats()])
      expect([lanes, new Set(Object.values(figures))]).toEqual([[], new Set([0])])
    expect(near.connections.size).toBe(0)
    await peer.remove()
  })

  it('take no new work while they close', async () => {
    const { near, peer, connection, accepted } = await network.connected(
      {},
      { limits: { receiveBytesPerConnection: 1, messageBytes: 1_000 } },
    )
    for (let index = 0; index < 9; index++) await connection.send(Buffer.alloc(1_000))
    const closing = near.close({ timeout: 200 })
    await expect(peer.connect({ protocols: ['another/1'] })).rejects.toMatchObject({ code: 'ERR_WARREN_DEVICE_CLOSED' })
    expect(() => near.addPeer({ publicKey: PrivateKey.generate().publicKey })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_DEVICE_CLOSED' }),
    )
    await closing
    await accepted.closed
  })

  it('can be opened and closed many times', async () => {
    for (let round = 0; round < 20; round++) await (await network.open()).close()
  })

  it('give up opening when told to', async () => {
    const reason = new Error('never mind')
    await expect(network.open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const opening = network.open({ signal: controller.signal, listen: { host: '127.0.0.1', port: 0 } })
    controller.abort(reason)
    await expect(opening).rejects.toBe(reason)
    const device = await network.open({ signal: new AbortController().signal })
    expect(device.address.port).toBeGreaterThan(0)
  })

  it('do not end by an abort after they are open', async () => {
    const controller = new AbortController()
    const device = await network.open({ signal: controller.signal })
    controller.abort()
    device.addPeer({ publicKey: PrivateKey.generate().publicKey })
    expect(device.stats().peers).toBe(1)
  })

  it('show who they are and no secret', async () => {
    const privateKey = PrivateKey.generate()
    const device = await network.open({ privateKey, addresses: ['10.0.0.1'] })
    const presharedKey = Buffer.alloc(32, 9)
    const peer = device.addPeer({ publicKey: PrivateKey.generate().publicKey, presharedKey })
    const secrets = [privateKey.export(), presharedKey.toString('base64'), presharedKey.toString('hex')]
    for (const shown of [device, peer, [device.peers], { device }].flatMap((value) => [
      inspect(value, { depth: 10, showHidden: true }),
      JSON.stringify(value),
    ])) {
      for (const secret of secrets) expect(shown).not.toContain(secret)
    }
    expect(inspect(device).split('\n').length).toBeLessThanOrEqual(8)
    expect(device.addresses).toEqual([addressOf(privateKey.publicKey), '10.0.0.1/32'])
  })

  it('know their peers by key, and tell of each that comes and goes', async () => {
    const device = await network.open()
    const events: PeerEvent[] = []
    device.on('peer', (event) => events.push(event))
    const { publicKey } = PrivateKey.generate()
    const peer = device.addPeer({ publicKey, endpoint: '203.0.113.5:51820' })
    expect(device.peers.get(publicKey)).toBe(peer)
    expect([peer.publicKey, peer.address, peer.endpoint, peer.up]).toEqual([
      publicKey,
      addressOf(publicKey),
      '203.0.113.5:51820',
      false,
    ])
    await peer.remove({ reason: 'left' })
    expect(device.peers.size).toBe(0)
    expect(events).toEqual([
      { type: 'added', publicKey, by: 'addPeer' },
      { type: 'removed', publicKey, reason: 'left' },
    ])
    expect(device.addPeer({ publicKey })).not.toBe(peer)
  })

  it.each<[string, (device: Device, other: string) => PeerOptions, string]>([
    ['a peer twice', (_, publicKey) => ({ publicKey }), 'ERR_WARREN_PEER_EXISTS'],
    ['themselves', ({ publicKey }) => ({ publicKey }), 'ERR_WARREN_OWN_KEY'],
    ['a key of low order', () => ({ publicKey: Buffer.alloc(32) }), 'ERR_WARREN_INVALID_KEY'],
    [
      'a prefix of another',
      () => ({ publicKey: PrivateKey.generate().publicKey, allowedIPs: ['10.0.0.0/8'] }),
      'ERR_WARREN_ALLOWED_IP_CONFLICT',
    ],
    [
      'the address of another',
      (_, other) => ({ publicKey: PrivateKey.generate().publicKey, allowedIPs: [addressOf(other)] }),
      'ERR_WARREN_ALLOWED_IP_CONFLICT',
    ],
  ])('refuse to add %s', async (_, options, code) => {
    const device = await network.open()
    const other = PrivateKey.generate().publicKey
    device.addPeer({ publicKey: other, allowedIPs: ['10.0.0.0/8'] })
    expect(() => device.addPeer(options(device, other))).toThrow(expect.objectContaining({ code }))
    expect(device.peers.size).toBe(1)
  })

  it('have no more peers than their limit', async () => {
    const device = await network.open({ limits: { peers: 2 } })
    for (let index = 0; index < 2; index++) device.addPeer({ publicKey: PrivateKey.generate().publicKey })
    const { publicKey } = PrivateKey.generate()
    expect(() => device.addPeer({ publicKey })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_TOO_MANY_PEERS', peer: publicKey }),
    )
  })

  it('move a prefix from peer to peer on request', async () => {
    const device = await network.open()
    const [first, second] = [0, 1].map(() => device.addPeer({ publicKey: PrivateKey.generate().publicKey }))
    first?.update({ allowedIPs: ['10.0.0.0/8'] })
    expect(() => second?.update({ allowedIPs: ['10.0.0.0/8'] })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_ALLOWED_IP_CONFLICT' }),
    )
    second?.update({ allowedIPs: ['10.0.0.0/8'], replace: true })
    first?.update({ allowedIPs: [] })
  })

  it('need the same pre-shared key at both ends, and take a new one while they run', async () => {
    const presharedKey = Buffer.alloc(32, 5).toString('base64')
    const pair = await network.pair()
    pair.peer.update({ presharedKey })
    await expect(pair.peer.connect({ timeout: 300 })).rejects.toMatchObject({ code: 'ERR_WARREN_NO_HANDSHAKE' })
    const fresh = await network.pair()
    fresh.peer.update({ presharedKey })
    fresh.back.update({ presharedKey })
    await fresh.peer.connect()
  })

  it('tell when a tunnel is up, and how long it took', async () => {
    const pair = await network.pair()
    const up = [peerEvent(pair.near, 'up'), peerEvent(pair.far, 'up')]
    await connect(pair)
    const [here, there] = await Promise.all(up)
    expect(here).toMatchObject({ publicKey: pair.far.publicKey, handshakeMs: expect.any(Number) })
    expect(there?.publicKey).toBe(pair.near.publicKey)
    expect([pair.peer.up, pair.back.up]).toEqual([true, true])
    expect(pair.back.endpoint).toBe(endpointOf(pair.near))
  })

  it('count what they do', async () => {
    const { near, peer, connection } = await network.connected()
    await (await connection.send(Buffer.alloc(10_000))).settled
    expect(near.stats()).toMatchObject({ peers: 1, connections: 1, sessions: 1, queuedBytes: 0 })
    expect(peer.stats()).toMatchObject({ connections: 1, up: 1 })
    expect(connection.stats()).toMatchObject({ messagesDelivered: 1 })
    const open = [near.stats(), peer.stats(), connection.stats()].map(names)
    expect(connection.stats().lanes[0]?.delivery).toMatchObject({ count: 1, sum: expect.any(Number) })
    await near.close()
    expect(open.map((list) => list.sort())).toEqual(
      [near.stats(), peer.stats(), connection.stats()].map((stats) => names(stats).sort()),
    )
  })

  it('give errors that can be told apart', async () => {
    const device = await network.open()
    const error = await device
      .addPeer({ publicKey: PrivateKey.generate().publicKey })
      .connect()
      .catch((caught: unknown) => caught)
    expect(WarrenError.is(error)).toBe(true)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'WarrenError',
      code: 'ERR_WARREN_NO_ENDPOINT',
      peer: [...device.peers.keys()][0],
    })
    expect(WarrenError.is(new Error('other'))).toBe(false)
  })
})

function ipv6Packet(from: Device, to: string): Buffer {
  const packet = Buffer.alloc(48)
  packet[0] = 0x60
  packet.writeUInt16BE(8, 4)
  packet[6] = 59
  void from
  void to
  return packet
}

/** The names of figures, without those that only some have. */
function names(stats: object): string[] {
  return Object.keys(stats).filter((name) => !/^(?:send|receive)Error|^(?:handshake|received)AgeMs$/.test(name))
}
