import { getEventListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS } from '../../../lib/arguments/limits.js'
import { Connection, type ConnectionReceiver, type Message } from '../../../lib/connection/connection.js'
import { ConnectionRoutes } from '../../../lib/connection/connection-routes.js'
import { type BroadcastOptions, type BroadcastResults, broadcast } from '../../../lib/device/broadcast.js'
import type { DriverClose } from '../../../lib/driver.js'
import type { Limits } from '../../../lib/generated/limits.js'
import { DeviceInbox } from '../../../lib/inbox/device-inbox.js'
import { PeerInbox } from '../../../lib/inbox/peer-inbox.js'
import { type LaneTable, lanes } from '../../../lib/outbox/lanes.js'
import { QueuedBytes } from '../../../lib/outbox/queued-bytes.js'
import type { Peer } from '../../../lib/peer/peer.js'
import { Runtime } from '../../../lib/runtime.js'
import { FakeDriver } from '../fake-driver.js'
import { alone, SPEAKS_A } from '../rigs.js'
import { settle, VirtualClock } from '../virtual-clock.js'

const MIB = 2 ** 20
const FULL = 4 * MIB

const NETWORK: DriverClose = { by: 'network', code: 0, reason: '', cause: 'peer-dead' }

/** A device with connections 1, 2, 3… to as many peers. */
class Rig {
  readonly driver = new FakeDriver()
  readonly clock = new VirtualClock()
  readonly runtime: Runtime
  readonly routes = new ConnectionRoutes()
  readonly inbox = new DeviceInbox<Message>(2 ** 20, ({ bytes }) => bytes.length)
  readonly connections: readonly Connection[]

  constructor(count: number, options: { limits?: Partial<Limits>; lanes?: LaneTable } = {}) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.runtime = new Runtime(this.driver, this.clock, {
      privateKey: { publicKey: 'own' },
      limits,
      ...SPEAKS_A,
      mtu: 1_420,
      listen: { host: undefined },
      allowHalfOpen: false,
      lanes: lanes(options.lanes ?? {}, 'lanes'),
    })
    this.connections = Array.from({ length: count }, (_, index) => this.#connect(index + 1))
  }

  broadcast(length: number, options: BroadcastOptions = {}): Promise<BroadcastResults> {
    return broadcast(this.runtime, this.routes, Buffer.alloc(length), options)
  }

  receiver(id: number): ConnectionReceiver {
    return this.routes.get(id) as ConnectionReceiver
  }

  /** What left for a connection: message and share. */
  sentTo(id: number): unknown[] {
    return this.driver.given('sendShared').filter(([connection]) => connection === id)
  }

  #connect(id: number): Connection {
    const facts = {
      id,
      peer: { publicKey: `key ${id}` } as Peer,
      ...alone('a', this.runtime),
      queued: new QueuedBytes(this.runtime.limits.queuedBytesPerPeer, this.runtime.queued),
      inbox: new PeerInbox(this.inbox, 255),
      streams: this.routes.streams,
    } as const
    return new Connection(facts, this.runtime, (receiver) => this.routes.add(id, receiver))
  }
}

async function outcomes(results: BroadcastResults): Promise<string[]> {
  return Promise.all(Array.from(results.values(), ({ settled }) => settled))
}

describe('broadcast', () => {
  it('copies once, queues for each by reference, and frees the copy', async () => {
    const rig = new Rig(3)
    const results = await rig.broadcast(100, { priority: 7, lifetime: 50 })
    expect([...results.keys()]).toEqual(rig.connections)
    expect(rig.driver.given('share')).toHaveLength(1)
    expect(rig.driver.given('sendShared')).toEqual([
      [1, 1, 7, 50, 1],
      [2, 2, 7, 50, 1],
      [3, 3, 7, 50, 1],
    ])
    expect(rig.driver.given('unshare')).toEqual([[1]])
    expect(rig.driver.given('sendMessage')).toEqual([])
  })

  it('goes to those that were named, once each, and not to the one that is left out', async () => {
    const rig = new Rig(4)
    const [one, two, , four] = rig.connections as [Connection, Connection, Connection, Connection]
    const results = await rig.broadcast(1, { to: new Set([four, one, two, one]), except: two })
    expect([...results.keys()]).toEqual([four, one])
    expect((await rig.broadcast(1, { to: [] })).size).toBe(0)
    expect((await rig.broadcast(1, { to: [one], except: one })).size).toBe(0)
    expect(rig.driver.given('share')).toHaveLength(1)
  })

  it('reaches the others at once when one is slow, and resolves when that one has admitted it too', async () => {
    const rig = new Rig(3)
    await rig.connections[1]?.send(Buffer.alloc(FULL))
    let isOver = false
    const results = rig.broadcast(100).finally(() => {
      isOver = true
    })
    await settle()
    expect([1, 2, 3].map((id) => rig.sentTo(id).length)).toEqual([1, 0, 1])
    expect([isOver, rig.driver.given('unshare')]).toEqual([false, []])
    rig.receiver(2).laneDrained(0, FULL)
    expect((await results).size).toBe(3)
    expect(rig.sentTo(2)).toHaveLength(1)
    expect(rig.driver.given('unshare')).toHaveLength(1)
  })

  it('drops it for the slow one alone when patience ends, and expires it where life ends first', async () => {
    const rig = new Rig(2)
    await rig.connections[0]?.send(Buffer.alloc(FULL))
    const patient = rig.broadcast(1, { patience: 100 })
    const living = rig.broadcast(1, { patience: 100, lifetime: 60 })
    const hasty = rig.broadcast(1, { patience: 0 })
    await rig.clock.advance(100)
    for (const message of [2, 3, 4]) rig.receiver(2).messageSettled(message, 'delivered')
    expect(await outcomes(await patient)).toEqual(['dropped', 'delivered'])
    expect(await outcomes(await living)).toEqual(['expired', 'delivered'])
    expect(await outcomes(await hasty)).toEqual(['dropped', 'delivered'])
    expect(rig.driver.given('unshare')).toHaveLength(3)
    expect(rig.clock.pending).toBe(0)
  })

  it('is lost where the connection ends, before or while it waits', async () => {
    const rig = new Rig(3)
    rig.receiver(1).closed(NETWORK)
    rig.routes.take(1)
    await rig.connections[1]?.send(Buffer.alloc(FULL))
    const results = rig.broadcast(1, { to: rig.connections })
    rig.receiver(2).closed(NETWORK)
    rig.receiver(3).messageSettled(2, 'delivered')
    expect(await outcomes(await results)).toEqual(['lost', 'lost', 'delivered'])
  })

  it('is cancelled everywhere by one signal, with one listener, and rejects only if that came first', async () => {
    const rig = new Rig(3)
    const controller = new AbortController()
    const { signal } = controller
    await rig.connections[0]?.send(Buffer.alloc(FULL))
    const results = rig.broadcast(1, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    controller.abort(new Error('obsolete'))
    expect(rig.driver.given('cancelMessage')).toEqual([
      [2, 2, 'cancelled'],
      [3, 3, 'cancelled'],
    ])
    rig.receiver(2).messageSettled(2, 'cancelled')
    rig.receiver(3).messageSettled(3, 'delivered')
    expect(await outcomes(await results)).toEqual(['cancelled', 'cancelled', 'delivered'])
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await expect(rig.broadcast(1, { signal })).rejects.toThrow('obsolete')
  })

  it('replaces what the slot holds on each connection', async () => {
    const rig = new Rig(2)
    await rig.connections[0]?.send(Buffer.alloc(FULL))
    const first = rig.broadcast(1, { replaces: 'head' })
    void rig.broadcast(1, { replaces: 'head' })
    rig.receiver(2).messageSettled(2, 'replaced')
    expect(await outcomes(await first)).toEqual(['replaced', 'replaced'])
    expect(rig.driver.given('cancelMessage')).toEqual([[2, 2, 'replaced']])
  })

  it('is dropped where the limits have no room', async () => {
    const rig = new Rig(2, { limits: { queuedBytesPerPeer: 2 * MIB } })
    await rig.connections[0]?.send(Buffer.alloc(2 * MIB))
    const results = await rig.broadcast(MIB)
    rig.receiver(2).messageSettled(2, 'delivered')
    expect(await outcomes(results)).toEqual(['dropped', 'delivered'])
  })

  it('leaves a lane with another policy to the engine', async () => {
    const rig = new Rig(2, { lanes: { 3: { full: 'drop-oldest' } } })
    for (let index = 0; index < 3; index++) await rig.broadcast(FULL, { priority: 3 })
    expect(rig.driver.given('sendShared')).toHaveLength(6)
  })

  it('refuses what is wrong, by name', async () => {
    const rig = new Rig(1)
    const other = new Rig(1).connections[0] as Connection
    const run =
      (options: object): (() => unknown) =>
      () =>
        broadcast(rig.runtime, rig.routes, Buffer.alloc(1), options)
    expect(run({ to: [other] })).toThrow('an item of options.to must be a connection of this device')
    expect(run({ to: 5 })).toThrow('options.to must be an iterable of connections; got 5')
    expect(run({ except: {} })).toThrow('options.except must be a connection of this device')
    expect(run({ patience: -1 })).toThrow('options.patience must be an integer from 0')
    expect(run({ priorty: 1 })).toThrow(
      'options.priorty is not an option; there are priority, lifetime, replaces, signal',
    )
    expect(() => broadcast(rig.runtime, rig.routes, 'text' as never, {})).toThrow('bytes must be a Uint8Array')
    rig.runtime.isClosing = true
    await expect(rig.broadcast(1)).rejects.toMatchObject({ code: 'ERR_WARREN_DEVICE_CLOSED' })
  })
})
