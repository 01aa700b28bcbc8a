import { expect, it } from '@jest/globals'
import { type Authorize, type Device, type Peer, type PeerEvent, PrivateKey } from 'warren'
import { dialUntil, eachDriver, endpointOf, type Network, nothingFor, peerEvent, until } from './network.js'

/** A newcomer, connected to `far` and known to it by `authorize` alone. */
async function arrives(network: Network, far: Device): Promise<{ near: Device; peer: Peer }> {
  const near = await network.open()
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
  await peer.connect()
  await until(() => [...far.connections].some((connection) => connection.peer.publicKey === near.publicKey))
  return { near, peer }
}

async function goes(far: Device, near: Device): Promise<void> {
  await near.close()
  await until(() => [...far.connections].every((connection) => connection.peer.publicKey !== near.publicKey))
}

function removals(far: Device): Extract<PeerEvent, { type: 'removed' }>[] {
  const events: Extract<PeerEvent, { type: 'removed' }>[] = []
  far.on('peer', (event) => event.type === 'removed' && events.push(event))
  return events
}

const open = { authorize: () => true } as const

eachDriver('strangers that were let in', (network) => {
  it('are dropped after they were gone for a time', async () => {
    const far = await network.open({ ...open, forgetAfter: 300 })
    const removed = peerEvent(far, 'removed')
    const { near } = await arrives(network, far)
    await nothingFor(500)
    expect(far.peers.has(near.publicKey)).toBe(true)
    await goes(far, near)
    expect(await removed).toMatchObject({ publicKey: near.publicKey, reason: expect.stringContaining('forgetAfter') })
    expect(far.peers.size).toBe(0)
    expect(far.stats().peersForgotten).toBe(1)
  })

  it('make room for newcomers when they are gone, and never while they are connected', async () => {
    const denied = new Set<string>()
    const authorize: Authorize = ({ publicKey }) => !denied.has(publicKey)
    const far = await network.open({ authorize, limits: { peers: 3, peersPerAddress: 3 } })
    const removed = removals(far)
    const [first, second] = [await arrives(network, far), await arrives(network, far)]
    await arrives(network, far)
    const refused = await network.open()
    const tries = refused.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
    await expect(tries.connect({ timeout: 500 })).rejects.toMatchObject({ code: 'ERR_WARREN_NO_HANDSHAKE' })
    // An initiation of its that is looked at late takes none of the room that comes.
    denied.add(refused.publicKey)
    await goes(far, second.near)
    await goes(far, first.near)
    await arrives(network, far)
    expect(removed.map(({ publicKey }) => publicKey)).toEqual([second.near.publicKey])
    const { publicKey } = PrivateKey.generate()
    far.addPeer({ publicKey })
    expect(removed.map(({ publicKey }) => publicKey)).toEqual([second.near.publicKey, first.near.publicKey])
    expect(far.stats()).toMatchObject({ peersDisplaced: 2, peers: 3 })
  })

  it('never displace a peer of addPeer', async () => {
    const far = await network.open({ ...open, limits: { peers: 1 } })
    far.addPeer({ publicKey: PrivateKey.generate().publicKey })
    const near = await network.open()
    const rejected = peerEvent(far, 'rejected')
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
    await dialUntil(peer, rejected)
    expect(await rejected).toMatchObject({ reason: 'error', error: { code: 'ERR_WARREN_TOO_MANY_PEERS' } })
  })

  it('are no more from one address than its share, connected at once', async () => {
    const far = await network.open({ ...open, limits: { peersPerAddress: 2 } })
    const [first] = [await arrives(network, far), await arrives(network, far)]
    const near = await network.open()
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
    const rejected = peerEvent(far, 'rejected')
    await dialUntil(peer, rejected)
    expect(await rejected).toMatchObject({
      publicKey: near.publicKey,
      error: { code: 'ERR_WARREN_TOO_MANY_PEERS', message: expect.stringContaining('limits.peersPerAddress') },
    })
    await goes(far, first.near)
    await peer.connect()
    expect(far.stats().peersOverAddress).toBeGreaterThan(0)
  }, 20_000)

  it('are dropped when they return and their address has its share by then', async () => {
    const far = await network.open({ ...open, limits: { peersPerAddress: 2 } })
    const removed = removals(far)
    const [first] = [await arrives(network, far), await arrives(network, far)]
    for (const connection of first.near.connections) await connection.close()
    await until(() => far.connections.size === 1)
    await arrives(network, far)
    const connection = await first.peer.connect()
    expect(await connection.closed).toMatchObject({ by: 'remote', reason: expect.stringContaining('peersPerAddress') })
    expect(removed).toMatchObject([
      { publicKey: first.near.publicKey, reason: expect.stringContaining('peersPerAddress') },
    ])
    expect([far.peers.size, far.connections.size]).toEqual([2, 2])
  })

  it('are peers for good once they are added, with what that says, and are the same peers', async () => {
    const far = await network.open({ ...open, forgetAfter: 200 })
    const { near } = await arrives(network, far)
    const guest = far.peers.get(near.publicKey)
    const added = peerEvent(far, 'added')
    expect(far.addPeer({ publicKey: near.publicKey, allowedIPs: ['10.7.0.0/16'] })).toBe(guest)
    expect(await added).toMatchObject({ by: 'addPeer' })
    expect(() => far.addPeer({ publicKey: PrivateKey.generate().publicKey, allowedIPs: ['10.7.0.0/16'] })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_ALLOWED_IP_CONFLICT' }),
    )
    expect(() => far.addPeer({ publicKey: near.publicKey })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_PEER_EXISTS' }),
    )
    await goes(far, near)
    await nothingFor(500)
    expect(far.peers.get(near.publicKey)).toBe(guest)
  })

  it('are asked about again when they return after they were dropped', async () => {
    const far = await network.open({ ...open, forgetAfter: 200 })
    const { near } = await arrives(network, far)
    const removed = peerEvent(far, 'removed')
    await goes(far, near)
    await removed
    const added = peerEvent(far, 'added')
    const again = await network.open({ privateKey: network.keyOf(near) })
    await again.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
    expect(await added).toEqual({ type: 'added', publicKey: near.publicKey, by: 'authorize' })
  })
})
