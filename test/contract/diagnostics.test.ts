import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { type Diagnostics, type DialTrace, PrivateKey } from 'warren'
import { eachDriver, endpointOf, turn, until } from './network.js'

const CHANNELS = [
  'warren:peer',
  'warren:handshake',
  'warren:connection',
  'warren:stream',
  'warren:message',
  'warren:drop',
] as const satisfies readonly (keyof Diagnostics)[]

type Told = { readonly [K in keyof Diagnostics]: Diagnostics[K][] }

eachDriver('channels of node:diagnostics_channel', (network) => {
  let told: Told
  let listeners: [string, (message: unknown) => void][]

  beforeEach(() => {
    told = Object.fromEntries(CHANNELS.map((name) => [name, []])) as unknown as Told
    listeners = CHANNELS.map((name) => [name, (message) => told[name].push(message as never)])
    for (const [name, listener] of listeners) subscribe(name, listener)
  })

  afterEach(() => {
    for (const [name, listener] of listeners) unsubscribe(name, listener)
  })

  function toldOf<K extends keyof Diagnostics>(name: K, device: string): Diagnostics[K]['event'][] {
    return told[name].filter((message) => message.device === device).map(({ event }) => event)
  }

  it('the docs name those that there are', () => {
    const text = readFileSync(join(__dirname, '../../docs/logging.md'), 'utf8')
    const table = text.slice(text.indexOf('| channel |'))
    const named = [...table.matchAll(/^\| `(warren:\w+)`/gm)].map(([, name]) => name)
    expect(named).toEqual([...CHANNELS])
  })

  it('tell of a handshake, a connection, a stream and a message, at both ends', async () => {
    const { near, far, connection, accepted } = await network.connected()
    const arrived = once(accepted, 'stream')
    const stream = connection.openStream({ priority: 3 })
    stream.end('hello')
    const [incoming] = await arrived
    await Promise.all([incoming.resume().end() && once(incoming, 'close'), once(stream.resume(), 'close')])
    const outgoing = await connection.send(Buffer.alloc(100), { priority: 9 })
    await outgoing.settled
    await connection.close({ code: 3 })
    await accepted.closed

    const publicKey = far.publicKey
    const endpoint = endpointOf(far)
    expect(toldOf('warren:peer', near.publicKey)).toContainEqual({ type: 'added', publicKey, by: 'addPeer' })
    expect(toldOf('warren:handshake', near.publicKey)).toContainEqual({
      type: 'completed',
      publicKey,
      endpoint,
      handshakeMs: expect.any(Number),
    })
    for (const [device, end, other] of [
      [near, connection, 'local'],
      [far, accepted, 'remote'],
    ] as const) {
      expect(toldOf('warren:connection', device.publicKey)).toEqual([
        { type: 'open', connection: end },
        {
          type: 'close',
          connection: end,
          reason: expect.objectContaining({ by: other, code: 3 }),
          lastedMs: expect.any(Number),
        },
      ])
    }
    expect(toldOf('warren:stream', near.publicKey)).toEqual([
      { type: 'open', stream, initiator: 'local' },
      { type: 'close', stream, error: undefined },
    ])
    expect(toldOf('warren:stream', far.publicKey)).toEqual([
      { type: 'open', stream: incoming, initiator: 'remote' },
      { type: 'close', stream: incoming, error: undefined },
    ])
    expect(toldOf('warren:message', near.publicKey)).toEqual([
      { type: 'settled', connection, priority: 9, bytes: 100, outcome: 'delivered', reason: undefined },
    ])
  })

  it('say why a message, a datagram and a packet were dropped', async () => {
    const lanes = { 7: { full: 'drop-newest', maxQueuedBytes: 1_000 } } as const
    const limits = { messageBytes: 1_000 }
    const { near, far, peer, connection, accepted } = await network.connected({ lanes }, { limits })
    expect(await (await connection.send(Buffer.alloc(2_000))).settled).toBe('dropped')
    const sent = await Promise.all(
      Array.from({ length: 200 }, () => connection.send(Buffer.alloc(900), { priority: 7 })),
    )
    await Promise.all(sent.map(({ settled }) => settled))
    const reasons = new Set(
      toldOf('warren:message', near.publicKey).map(({ outcome, reason }) => [outcome, reason].join()),
    )
    expect([...reasons].sort()).toEqual(['delivered,', 'dropped,lane-full', 'dropped,refused'])

    far.peers.get(near.publicKey)?.update({ allowedIPs: ['::'] })
    while (toldOf('warren:drop', far.publicKey).every(({ type }) => type !== 'packet')) {
      peer.sendPacket(Buffer.alloc(40).fill(0x60, 0, 1))
      await turn()
    }
    await accepted.close()
    await connection.closed
    connection.sendDatagram(Buffer.alloc(5))
    expect(toldOf('warren:drop', near.publicKey)).toContainEqual({
      type: 'datagram',
      direction: 'out',
      reason: 'closed',
      publicKey: far.publicKey,
      bytes: 5,
    })
    expect(toldOf('warren:drop', far.publicKey)).toContainEqual({
      type: 'packet',
      direction: 'in',
      reason: 'no-listener',
      publicKey: near.publicKey,
      bytes: 40,
    })
  })

  it('the tracing channel warren:dial follows each dial to its result or its error', async () => {
    const traces: [string, DialTrace][] = []
    const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
    const channel = tracingChannel<unknown, DialTrace>('warren:dial')
    const note = (name: string) => (trace: unknown) => void traces.push([name, trace as DialTrace])
    const subscribers = Object.fromEntries(names.map((name) => [name, note(name)])) as Required<
      Parameters<typeof channel.subscribe>[0]
    >
    channel.subscribe(subscribers)
    try {
      const { near, far, peer } = await network.pair()
      const connection = await peer.connect({ timeout: 12_000 })
      expect(await peer.connect()).toBe(connection)
      const nobody = near.addPeer({ publicKey: PrivateKey.generate().publicKey })
      const failure = await nobody.connect({ protocols: ['x'] }).catch((error: unknown) => error)
      expect(traces.map(([name]) => name)).toEqual([
        ...['start', 'end', 'asyncStart', 'asyncEnd'],
        ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
      ])
      const [first, last] = [traces[0]?.[1], traces.at(-1)?.[1]]
      expect(first).toMatchObject({ device: near.publicKey, publicKey: far.publicKey, by: 'connect', timeout: 12_000 })
      expect(first?.result).toBe(connection)
      expect(last).toMatchObject({ protocols: ['x'] })
      expect(last?.error).toMatchObject({ code: 'ERR_WARREN_NO_ENDPOINT' })
      expect(failure).toMatchObject({ code: 'ERR_WARREN_NO_ENDPOINT' })

      far.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '127.0.0.1:9', connect: true })
      await until(() => traces.some(([, { by, device }]) => by === 'stay-connected' && device === far.publicKey))
    } finally {
      channel.unsubscribe(subscribers)
    }
  })
})
