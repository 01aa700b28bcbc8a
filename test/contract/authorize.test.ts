import { expect, it } from '@jest/globals'
import { type Authorize, type Device, type DeviceOptions, type PeerEvent, PrivateKey, type Stranger } from 'warren'
import { dialUntil, eachDriver, endpointOf, type Network, peerEvent, turn, until } from './network.js'

async function strangers(network: Network, authorize: Authorize | undefined, options: Partial<DeviceOptions> = {}) {
  const far = await network.open({ authorize, ...options })
  const near = await network.open()
  const events: PeerEvent[] = []
  far.on('peer', (event) => events.push(event))
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
  return { near, far, peer, events }
}

eachDriver('authorize', (network) => {
  it('lets a stranger in whom it knows', async () => {
    const asked: Stranger[] = []
    const { near, far, peer, events } = await strangers(network, async (stranger) => {
      asked.push(stranger)
      await turn()
      return true
    })
    const connection = await peer.connect()
    await (await connection.send(Buffer.from('hello'))).settled
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ publicKey: near.publicKey, endpoint: endpointOf(near) })
    expect(events[0]).toEqual({ type: 'added', publicKey: near.publicKey, by: 'authorize' })
    expect(far.peers.get(near.publicKey)?.up).toBe(true)
  })

  it('is not asked about a stranger who was added since it knocked, and nothing is rejected', async () => {
    // Whether it was a peer when it was asked about: where its knock came sooner than the first turn, it was none yet.
    const known: boolean[] = []
    const { near, far, peer, events } = await strangers(network, ({ publicKey }) => {
      known.push(far.peers.has(publicKey))
      return true
    })
    const dial = peer.connect()
    await new Promise((resolve) => setImmediate(resolve))
    // The other device is on a thread of its own, and its knock waits here meanwhile.
    const end = performance.now() + 300
    while (performance.now() < end);
    if (!far.peers.has(near.publicKey)) far.addPeer({ publicKey: near.publicKey })
    await dial
    expect(known).not.toContain(true)
    expect(events.filter(({ type }) => type === 'rejected')).toEqual([])
  })

  it('gives a stranger settings', async () => {
    const { near, far, peer } = await strangers(network, () => ({
      allowedIPs: ['10.9.0.0/16'],
      persistentKeepalive: 20,
    }))
    await peer.connect()
    const other = PrivateKey.generate().publicKey
    expect(() => far.addPeer({ publicKey: other, allowedIPs: ['10.9.0.0/16'] })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_ALLOWED_IP_CONFLICT' }),
    )
    expect(far.peers.has(near.publicKey)).toBe(true)
  })

  it.each<[string, Authorize | undefined, object | undefined]>([
    ['says no', () => false, { reason: 'refused', error: undefined }],
    ['says no later', async () => false, { reason: 'refused', error: undefined }],
    [
      'throws',
      () => {
        throw new Error('registry down')
      },
      { reason: 'error', error: expect.objectContaining({ message: 'registry down' }) },
    ],
    [
      'rejects',
      () => Promise.reject(new Error('registry down')),
      { reason: 'error', error: expect.objectContaining({ message: 'registry down' }) },
    ],
    ['answers nonsense', () => ({ allowedIPs: 'all' }) as never, { reason: 'error', error: expect.any(TypeError) }],
    ['never answers', () => new Promise<boolean>(() => {}), { reason: 'timeout', error: undefined }],
    ['is not there', undefined, undefined],
  ])('is silent on the wire when it %s, and keeps nothing', async (_, authorize, rejected) => {
    const isLate = rejected !== undefined && 'reason' in rejected && rejected.reason === 'timeout'
    const { near, far, peer, events } = await strangers(network, authorize, isLate ? { authorizeTimeout: 100 } : {})
    if (rejected !== undefined)
      await dialUntil(
        peer,
        until(() => events.length > 0),
      )
    await expect(peer.connect({ timeout: 300 })).rejects.toMatchObject({ code: 'ERR_WARREN_NO_HANDSHAKE' })
    expect(far.peers.size).toBe(0)
    // Once for each initiation, of which there may be several by then.
    const told = { type: 'rejected', publicKey: near.publicKey, endpoint: endpointOf(near), ...rejected }
    expect(events).toEqual(events.map(() => told))
    expect(events.length > 0).toBe(rejected !== undefined)
  })

  it('aborts what takes too long, and ignores its late answer', async () => {
    const answers: (() => void)[] = []
    const signals: AbortSignal[] = []
    const { far, peer } = await strangers(
      network,
      ({ signal }) => {
        signals.push(signal)
        return new Promise((resolve) => answers.push(() => resolve(true)))
      },
      { authorizeTimeout: 100 },
    )
    await dialUntil(peer, peerEvent(far, 'rejected'))
    expect(signals[0]?.aborted).toBe(true)
    for (const answer of answers.filter((_, index) => signals[index]?.aborted)) answer()
    await turn()
    expect(far.peers.size).toBe(0)
  })

  it('is overtaken by addPeer', async () => {
    const signals: AbortSignal[] = []
    const { near, far, peer } = await strangers(network, ({ signal }) => {
      signals.push(signal)
      return new Promise(() => {})
    })
    const connecting = peer.connect({ timeout: 8_000 })
    await until(() => signals.length === 1)
    far.addPeer({ publicKey: near.publicKey })
    await connecting
    expect(signals[0]?.aborted).toBe(true)
  }, 10_000)

  it('asks about each key once at a time, and about no more than its limit', async () => {
    let open = 0
    let most = 0
    let isOver = false
    const far: Device = await network.open({
      limits: { pendingAuthorizations: 3 },
      authorize: async () => {
        open += 1
        most = Math.max(most, open)
        // Until as many are asked about as may be, and others were turned away meanwhile, or have given up.
        await until(() => isOver || (most >= 3 && (far.stats().receiveDroppedStranger ?? 0) > 0))
        open -= 1
        return true
      },
    })
    const diallers = await Promise.all(Array.from({ length: 8 }, () => network.open()))
    const outcomes = await Promise.all(
      diallers.map((near) =>
        near
          .addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
          .connect()
          .then(
            () => true,
            () => false,
          ),
      ),
    )
    isOver = true
    expect(most).toBe(3)
    expect(outcomes.filter((isIn) => isIn).length).toBeGreaterThanOrEqual(3)
  })

  it('is not asked about a key that only claims to be', async () => {
    const asked: string[] = []
    const { near, peer, far } = await strangers(network, ({ publicKey }) => {
      asked.push(publicKey)
      return false
    })
    peer.update({ presharedKey: Buffer.alloc(32, 1) })
    await dialUntil(
      peer,
      until(() => asked.length > 0),
    )
    expect(new Set(asked)).toEqual(new Set([near.publicKey]))
    expect(far.peers.size).toBe(0)
  })
})
