import { expect, it } from '@jest/globals'
import { type Device, type PeerEvent, PrivateKey, type ProtocolsOption, WarrenError } from 'warren'
import { connect, eachDriver, endpointOf, peerEvent, until } from './network.js'

const V1 = ['p/1']
const V2 = ['p/2']
const OLD_FIRST = ['p/1', 'p/2']
const NEW_FIRST = ['p/2', 'p/1']

eachDriver('protocols', (network) => {
  it('are chosen by one rule, whoever dials, and where one end alone offers them, that end dials', async () => {
    const cases: readonly (readonly [ProtocolsOption, ProtocolsOption, string])[] = [
      [NEW_FIRST, NEW_FIRST, 'p/2'],
      [NEW_FIRST, OLD_FIRST, 'p/1'],
      [NEW_FIRST, V1, 'p/1'],
      [NEW_FIRST, { offer: V1, accept: OLD_FIRST }, 'p/1'],
      [{ offer: V1, accept: NEW_FIRST }, NEW_FIRST, 'p/2'],
      [{ offer: V1, accept: V2 }, { offer: V2, accept: [] }, 'p/2'],
    ]
    for (const [one, other, chosen] of cases)
      for (const [near, far] of [
        [one, other],
        [other, one],
      ] as const) {
        const pair = await network.pair({ protocols: near }, { protocols: far })
        pair.back.update({ endpoint: endpointOf(pair.near) })
        const connection = await pair.peer.connect()
        expect([near, far, connection.protocol]).toEqual([near, far, chosen])
        expect(pair.near.connections.size).toBe(1)
      }
  }, 30_000)

  it('of a peer are known, by family, from the first connection on', async () => {
    const near = { protocols: [...NEW_FIRST, 'chat/1'] }
    const { peer, back, connection } = await network.connected(near, { protocols: { offer: V1, accept: OLD_FIRST } })
    expect(peer.protocols.get('p')).toEqual({
      offered: V1,
      accepted: OLD_FIRST,
      current: connection.protocol,
      since: expect.any(Date),
    })
    expect(peer.protocols.get('chat')).toEqual({ offered: [], accepted: [], current: undefined, since: undefined })
    expect(back.protocols.get('p')).toMatchObject({ offered: NEW_FIRST, accepted: NEW_FIRST })
    const stranger = network.keyOf(await network.open()).publicKey
    const unknown = (await network.open({ protocols: V1 })).addPeer({ publicKey: stranger })
    expect(unknown.protocols.get('p')).toMatchObject({ offered: [], accepted: [], current: undefined })
  })

  it('hold for the next dial at once, and connected peers are told', async () => {
    const { near, far, peer, back, connection } = await network.connected({ protocols: V1 }, { protocols: V1 })
    const told = peerEvent(far, 'protocol')
    near.setProtocols({ offer: V1, accept: OLD_FIRST })
    expect(await told).toMatchObject({ family: 'p', current: 'p/1', previous: 'p/1', accepted: OLD_FIRST, offered: V1 })
    expect(back.protocols.get('p')?.accepted).toEqual(OLD_FIRST)
    expect(near.protocols).toMatchObject({ offer: V1, accept: OLD_FIRST, floors: [], transports: ['quic/1'] })
    expect(connection.isOpen).toBe(true)
    await connection.close()
    near.setProtocols(V2)
    await expect(peer.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_NO_COMMON_PROTOCOL', accepts: V1 })
    peer.setProtocols(V1)
    expect((await peer.connect()).protocol).toBe('p/1')
    peer.setProtocols(undefined)
    near.setTransports(['quic/1'])
    for (const names of [['quic/1'], undefined]) peer.setTransports(names)
  })

  it('below a floor are not dialled with, and are refused at the other end, with what would be accepted', async () => {
    const { near, far, peer, back } = await network.pair({ protocols: NEW_FIRST }, { protocols: V1 })
    back.update({ endpoint: endpointOf(near) })
    near.setFloor('p/2')
    await expect(peer.connect({ protocols: V1 })).rejects.toMatchObject({ code: 'ERR_WARREN_BELOW_FLOOR', accepts: V2 })
    const refused = peerEvent(near, 'refused')
    await expect(back.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_BELOW_FLOOR', accepts: V2 })
    expect(await refused).toMatchObject({ reason: 'below-floor', offered: V1, accepts: V2 })
    const figures = near.stats().protocols.find(({ protocol }) => protocol === 'p/1')
    // A hello that a slow machine had repeated counts again.
    expect(figures?.refusedBelowFloor).toBeGreaterThanOrEqual(2)
    near.setProtocols(V1)
    await expect(peer.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_BELOW_FLOOR' })
    near.setFloor('p/1')
    // It is with the engine once that has answered something.
    near.stats()
    expect((await back.connect()).protocol).toBe('p/1')
    expect(far.connections.size).toBe(1)
  })

  it('below a floor are refused as such also where no list has them any more', async () => {
    const { near, back } = await network.pair({ protocols: ['p/5'] }, { protocols: ['p/4'] })
    back.update({ endpoint: endpointOf(near) })
    near.setFloor('p/5')
    const refused = peerEvent(near, 'refused')
    await expect(back.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_BELOW_FLOOR', accepts: ['p/5'] })
    expect(await refused).toMatchObject({ reason: 'below-floor', offered: ['p/4'], accepts: ['p/5'] })
    // A hello that a slow machine had repeated counts again.
    const figures = near.stats().protocols
    expect(figures.map(({ protocol }) => protocol)).toEqual(['p/4'])
    expect(figures[0]?.refusedBelowFloor).toBeGreaterThanOrEqual(1)
    near.clearFloor('p/5')
    near.stats()
    await expect(back.connect()).rejects.toMatchObject({ code: 'ERR_WARREN_NO_COMMON_PROTOCOL' })
  })

  it('below a floor close a live connection at the end of its grace, typed at both ends', async () => {
    const { near, connection, accepted } = await network.connected({ protocols: NEW_FIRST }, { protocols: V1 })
    near.setFloor('p/2', { grace: 50 })
    for (const end of [connection, accepted])
      expect(await end.closed).toMatchObject({
        code: 0,
        reason: 'below the floor: p/2 or newer',
        error: { code: 'ERR_WARREN_BELOW_FLOOR' },
      })
  })

  it('have a floor of the future, which is seen and taken back', async () => {
    const { near, peer, connection } = await network.connected({ protocols: V1 }, { protocols: V1 })
    const from = new Date(Date.now() + 3_600_000)
    near.setFloor('p/2', { from, grace: 0 })
    peer.setFloor('p/1')
    expect(near.protocols.floors).toEqual([{ protocol: 'p/2', from, grace: 0 }])
    near.clearFloor('p/2')
    peer.clearFloor('p/1')
    expect(near.protocols.floors).toEqual([])
    expect(connection.isOpen).toBe(true)
  })

  it('can be closed when nobody needs them, and tell who does', async () => {
    const { near, peer, connection } = await network.connected({ protocols: NEW_FIRST }, { protocols: OLD_FIRST })
    expect(connection.protocol).toBe('p/1')
    expect(near.canClose('p/1')).toMatchObject({ ok: false, inTheWay: [{ peer, why: 'connected' }] })
    expect(near.canClose('p/2')).toMatchObject({ ok: true })
    expect(near.canClose('p/1', { quietFor: 3_600_000, ignore: [peer] })).toMatchObject({ ok: false, isTooEarly: true })
    for (const ignore of [[peer], [peer.publicKey], (each: object) => each === peer])
      expect(near.canClose('p/1', { ignore }).ok).toBe(true)
    const never = near.addPeer({ publicKey: PrivateKey.generate().publicKey })
    expect(near.canClose('p/2').inTheWay).toEqual([{ peer: never, why: 'unknown' }])
    await never.remove()
    await connection.close()
    expect(near.canClose('p/1').inTheWay).toEqual([{ peer, why: 'offline' }])
    await peer.remove()
    expect(near.canClose('p/1').ok).toBe(true)
    near.setProtocols(V2)
    expect(near.canClose('p/1')).toMatchObject({ ok: true, isUnknown: false })
    expect(near.canClose('q/1')).toEqual({ ok: false, isTooEarly: false, isUnknown: true, inTheWay: [] })
    for (const ignore of [['x'], [7], [undefined]])
      expect(() => near.canClose('p/1', { ignore: ignore as never })).toThrow(/ignore|public key|key/)
    await near.close()
    expect(() => near.canClose('p/1')).toThrow(expect.objectContaining({ code: 'ERR_WARREN_DEVICE_CLOSED' }))
  })

  it('are counted by name', async () => {
    const { near, far, connection, accepted } = await network.connected({ protocols: V1 }, { protocols: V1 })
    const outgoing = await connection.send(Buffer.alloc(7))
    await outgoing.settled
    await accepted.messages().next()
    const of = (device: Device) => device.stats().protocols
    expect(of(near)).toMatchObject([
      { protocol: 'p/1', connections: 1, connectionsOpened: 1, messagesDelivered: 1, bytesDelivered: 7 },
    ])
    expect(of(far)).toMatchObject([{ protocol: 'p/1', messagesReceived: 1, bytesReceived: 7 }])
    await connection.close()
    expect(of(near)).toMatchObject([{ protocol: 'p/1', connections: 0, connectionsOpened: 1 }])
  })

  it('are told of by name, at the device and at the peer', async () => {
    const pair = await network.pair({ protocols: V1 }, { protocols: V1 })
    const events: PeerEvent[] = []
    pair.peer.on('protocol', (event) => events.push(event))
    const { connection } = await connect(pair)
    await connection.close()
    await until(() => events.length === 2)
    expect(events).toMatchObject([
      { type: 'protocol', publicKey: pair.peer.publicKey, family: 'p', previous: undefined, current: 'p/1' },
      { type: 'protocol', family: 'p', previous: 'p/1', current: undefined },
    ])
  })

  it('are wrong in ways that are named', async () => {
    const device = await network.open()
    expect(() => device.setProtocols({ offer: NEW_FIRST, accept: OLD_FIRST })).toThrow(/prefer says which is better/)
    expect(() => device.setFloor('p/2', { from: new Date('x') })).toThrow(/options\.from must be a valid Date/)
    expect(() => device.setFloor('')).toThrow(/protocol must be a name of 1 to 255 bytes/)
    expect(() => device.canClose('p/1', { ignore: 5 as never })).toThrow(/options\.ignore must be an iterable/)
    expect(() => device.setTransports(['tcp'])).toThrow(/transports\[0\] must be 'quic\/1'/)
    await device.close()
    expect(() => device.setProtocols(V1)).toThrow(WarrenError)
  })
})
