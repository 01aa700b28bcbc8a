import { expect, it } from '@jest/globals'
import type { Connection, Device, PeerEvent, PeerOptions } from 'warren'
import { eachDriver, endpointOf, type Network, nothingFor, peerEvent, until } from './network.js'

/** Two devices that know each other; `near` is told to stay connected. */
async function kept(network: Network, connect: PeerOptions['connect'] = true) {
  const far = await network.open({ deadAfter: 500 })
  const near = await network.open({ deadAfter: 500 })
  const wire = await network.lay(far)
  const back = far.addPeer({ publicKey: near.publicKey })
  const connections: Connection[] = []
  near.on('connection', (connection) => connections.push(connection))
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: wire.endpoint, connect })
  return { near, far, wire, peer, back, connections }
}

function eventsOf(device: Device): PeerEvent[] {
  const events: PeerEvent[] = []
  device.on('peer', (event) => events.push(event))
  return events
}

eachDriver('a peer that is kept connected', (network) => {
  it('gets a connection without a call, after its first dials failed', async () => {
    const far = await network.open()
    const near = await network.open()
    const wire = await network.lay(far)
    wire.cut()
    const events = eventsOf(near)
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: 'no-such-host.invalid:1', connect: true })
    const failed = await peerEvent(near, 'dial-failed')
    expect(failed).toMatchObject({
      publicKey: far.publicKey,
      error: { code: 'ERR_WARREN_NAME_NOT_RESOLVED' },
      retryInMs: expect.any(Number),
    })
    far.addPeer({ publicKey: near.publicKey })
    wire.mend()
    peer.update({ endpoint: wire.endpoint })
    await until(() => near.connections.size === 1 && far.connections.size === 1)
    const isBeside = (type: string): boolean => type === 'dial-failed' || type === 'moved'
    expect(events.map(({ type }) => type).filter((type) => !isBeside(type))).toEqual(['added', 'up', 'protocol'])
  }, 30_000)

  it('gets another one after a loss', async () => {
    const { wire, connections } = await kept(network)
    await until(() => connections.length === 1)
    wire.cut()
    await connections[0]?.send(Buffer.from('anybody there?'))
    await connections[0]?.closed
    wire.mend()
    await until(() => connections.length === 2)
    expect(connections[1]?.isOpen).toBe(true)
  }, 30_000)

  it('gets another one after either application closed, a second later', async () => {
    const { far, connections } = await kept(network)
    await until(() => connections.length === 1)
    await connections[0]?.close()
    const closed = performance.now()
    await until(() => connections.length === 2)
    expect(performance.now() - closed).toBeGreaterThan(900)
    await until(() => far.connections.size === 1)
    for (const connection of far.connections) connection.destroy()
    await until(() => connections.length === 3)
  }, 30_000)

  it('is dialled no more once it is told, and what is up stays', async () => {
    const { near, peer, wire, connections } = await kept(network)
    await until(() => connections.length === 1)
    peer.update({ connect: false })
    expect(connections[0]?.isOpen).toBe(true)
    wire.cut()
    await connections[0]?.send(Buffer.from('anybody there?'))
    await connections[0]?.closed
    wire.mend()
    await nothingFor(500)
    expect(near.connections.size).toBe(0)
    peer.update({ connect: true })
    await until(() => connections.length === 2)
  }, 30_000)

  it('without an endpoint waits until it comes', async () => {
    const near = await network.open()
    const far = await network.open()
    const failed = peerEvent(near, 'dial-failed')
    near.addPeer({ publicKey: far.publicKey, connect: { protocols: ['warren/1'] } })
    expect(await failed).toMatchObject({ error: { code: 'ERR_WARREN_NO_ENDPOINT' } })
    far.addPeer({ publicKey: near.publicKey, endpoint: endpointOf(near), connect: true })
    await until(() => near.connections.size === 1 && far.connections.size === 1)
  })

  it('has one connection where both ends are kept so, and it stays', async () => {
    const [near, far] = [await network.open(), await network.open()]
    const seen: Connection[][] = [[], []]
    near.on('connection', (connection) => seen[0]?.push(connection))
    far.on('connection', (connection) => seen[1]?.push(connection))
    near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far), connect: true })
    far.addPeer({ publicKey: near.publicKey, endpoint: endpointOf(near), connect: true })
    await until(() => near.connections.size === 1 && far.connections.size === 1)
    await nothingFor(1_500)
    expect(seen.map(({ length }) => length)).toEqual([1, 1])
    const [here] = near.connections
    expect(here?.isOpen).toBe(true)
    await (await here?.send(Buffer.from('ping')))?.settled
  })

  it('is dialled no more once it is removed, or the device closed', async () => {
    const { near, far, peer, connections } = await kept(network)
    await until(() => connections.length === 1)
    await peer.remove()
    const events = eventsOf(near)
    const lost = near.addPeer({ publicKey: far.publicKey, endpoint: '127.0.0.1:9', connect: true })
    await near.close()
    expect(lost.up).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(['added'])
  })

  it('needs a protocol to offer', async () => {
    const near = await network.open({ protocols: [] })
    const far = await network.open()
    const { publicKey } = far
    expect(() => near.addPeer({ publicKey, connect: true })).toThrow(RangeError)
    expect(near.peers.size).toBe(0)
    const peer = near.addPeer({ publicKey, endpoint: endpointOf(far) })
    expect(() => peer.update({ connect: true })).toThrow(RangeError)
    expect(() => peer.update({ connect: { protocols: [] } })).toThrow(RangeError)
    expect(() => peer.update({ connect: 1 as never })).toThrow(TypeError)
  })
})
