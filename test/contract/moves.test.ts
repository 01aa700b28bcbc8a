import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from '@jest/globals'
import type { Connection, Device } from 'warren'
import { collect, eachDriver, endpointOf, type Network, nothingFor, pattern, until } from './network.js'
import type { WireOptions } from './wire.js'

const OLD_FIRST = ['p/1', 'p/2']
const NEW_FIRST = ['p/2', 'p/1']
const BRIEF = { protocols: OLD_FIRST, moves: { grace: 100 } }

/** The connection that takes the place of this one at a device. */
async function successor(device: Device, of: Connection): Promise<Connection> {
  for (;;) {
    const [connection] = (await once(device, 'connection')) as [Connection]
    if (connection.replaces === of) return connection
  }
}

/** Does something in the instant in which a connection has given way: within its grace, however slow this machine is. */
function whenMoved<T>(device: Device, act: () => Promise<T>): Promise<T> {
  return new Promise((resolve) => {
    device.on('connection', ({ replaces }) => {
      if (replaces !== undefined) resolve(act())
    })
  })
}

async function moving(network: Network, options: object = BRIEF, wire?: WireOptions) {
  const connected = await network.connected(options, options, wire)
  const { near, far, connection, accepted } = connected
  // What came before the first listener is taken.
  near.on('connection', () => undefined)
  far.on('connection', () => undefined)
  const successors = Promise.all([successor(near, connection), successor(far, accepted)])
  return { ...connected, successors }
}

eachDriver('moves', (network) => {
  it('make before they break: when both ends prefer another version, the connection moves by itself', async () => {
    const { near, far, peer, back, connection, accepted, successors } = await moving(network)
    const late = whenMoved(near, () => connection.send(Buffer.from('on the old one')))
    near.setProtocols(NEW_FIRST)
    await until(() => back.protocols.get('p')?.offered[0] === 'p/2')
    await nothingFor(50)
    expect([near.connections.size, connection.isOpen]).toEqual([1, true])
    far.setProtocols(NEW_FIRST)
    const [here, there] = await successors
    expect([here.protocol, there.protocol, here.replaces, there.replaces]).toEqual(['p/2', 'p/2', connection, accepted])
    expect([connection.replacedBy, accepted.replacedBy]).toEqual([here, there])
    expect(await Promise.all([peer.connect(), back.connect()])).toEqual([here, there])
    expect([peer.protocols.get('p')?.current, back.protocols.get('p')?.current]).toEqual(['p/2', 'p/2'])
    expect(String((await accepted.messages().next()).value?.bytes)).toBe('on the old one')
    expect(await (await late).settled).toBe('delivered')
    for (const old of [connection, accepted])
      expect(await old.closed).toMatchObject({ code: 0, reason: 'superseded', error: undefined })
    await expect(connection.send(Buffer.alloc(1))).rejects.toMatchObject({
      code: 'ERR_WARREN_SUPERSEDED',
      replacedBy: here,
    })
    expect([...near.connections]).toEqual([here])
  })

  it('are made all the same where the end that dials goes back when the other one has the new connection', async () => {
    const { near, far, peer, back, connection, accepted } = await moving(network)
    const ends = [near, far].map((device) => ({ device, peer: device === near ? peer : back }))
    const sent = ends.map(async ({ device }, index) => {
      const of = index === 0 ? connection : accepted
      const next = await successor(device, of)
      if (next.initiator === 'remote') ends[1 - index]?.device.setProtocols(OLD_FIRST)
      return (await next.send(Buffer.from('on the new one'))).settled
    })
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    expect(await Promise.all(sent)).toEqual(['delivered', 'delivered'])
    await until(() => ends.every(({ device, peer }) => device.connections.size === 1 && peer.connections.size === 1))
    const currents = ends.map(({ peer }) => peer.protocols.get('p')?.current)
    expect(new Set(currents).size).toBe(1)
    for (const { peer } of ends) expect((await peer.connect()).isOpen).toBe(true)
  })

  it('are made all the same where a call of connect() for them is given up too late', async () => {
    const { far, peer, back, connection, accepted } = await moving(network)
    const giveUp = new AbortController()
    const came = successor(far, accepted).then((next) => {
      giveUp.abort()
      return next
    })
    const asked = peer.connect({ protocols: ['p/2'], signal: giveUp.signal }).catch(({ name }: Error) => name)
    const there = await came
    await asked
    await (await there.send(Buffer.from('to whom it may concern'))).settled
    await until(() => peer.protocols.get('p')?.current === 'p/2' && !connection.isOpen)
    expect([await back.connect({ protocols: ['p/2'] }), there.isOpen]).toEqual([there, true])
  })

  it('go back as they went, also before the first one is over', async () => {
    const { near, far, peer, successors } = await moving(network, { protocols: OLD_FIRST })
    const seen: string[] = []
    near.on('connection', ({ protocol }) => seen.push(protocol))
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    await successors
    far.setProtocols(OLD_FIRST)
    await until(() => seen.length === 2)
    expect(seen).toEqual(['p/2', 'p/1'])
    expect((await peer.connect()).protocol).toBe('p/1')
    await near.close({ timeout: 0 })
  })

  it('lose nothing and double nothing, whichever end has more to say, over a wire that loses', async () => {
    const { near, far, connection, accepted, successors } = await moving(network, BRIEF, {
      loss: 0.05,
      seed: 7,
      delay: 5,
    })
    const objects = Array.from({ length: 6 }, (_, index) => pattern(2 ** 20, index))
    const reads = [connection, accepted].map(collect)
    const sent = [connection, accepted].map((from) => objects.map((object) => from.send(object)))
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    const [here, there] = await successors
    const later = [here, there].map(async (to) => {
      const outgoing = await to.send(Buffer.from('on the new one'))
      return outgoing.settled
    })
    const outcomes = await Promise.all(sent.flat().map(async (send) => (await send).settled))
    expect(new Set(outcomes)).toEqual(new Set(['delivered']))
    expect(await Promise.all(later)).toEqual(['delivered', 'delivered'])
    for (const received of await Promise.all(reads)) {
      expect(received).toHaveLength(objects.length)
      for (const object of objects) expect(received.filter((bytes) => bytes.equals(object))).toHaveLength(1)
    }
  }, 60_000)

  it('wait for a reader that pauses', async () => {
    const { near, far, connection, accepted, successors } = await moving(network)
    const sends = Array.from({ length: 40 }, () => connection.send(Buffer.alloc(2 ** 20)))
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    await successors
    await nothingFor(300)
    expect((await collect(accepted)).length).toBe(40)
    for (const send of sends) expect(await (await send).settled).toBe('delivered')
  }, 30_000)

  it('come out the same where both ends switch in the same instant, again and again', async () => {
    const { near, far, peer, back } = await moving(network)
    for (let round = 0; round < 4; round++) {
      const lists = round % 2 === 0 ? NEW_FIRST : OLD_FIRST
      near.setProtocols(lists)
      far.setProtocols(lists)
      const of = (one: typeof peer) => one.protocols.get('p')?.current
      await until(() => of(peer) === lists[0] && of(back) === lists[0])
      const [here, there] = await Promise.all([peer.connect(), back.connect()])
      await here.send(Buffer.from('ping'))
      expect(String((await there.messages().next()).value?.bytes)).toBe('ping')
    }
    await until(() => near.connections.size === 1 && far.connections.size === 1)
  }, 30_000)

  it('are left to the application where it says so', async () => {
    const options = { ...BRIEF, moves: { auto: false, grace: 100 } }
    const { near, far, back, connection, accepted, successors } = await moving(network, options)
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    await until(() => back.protocols.get('p')?.offered[0] === 'p/2')
    await nothingFor(50)
    expect(near.connections.size).toBe(1)
    await until(() => connection.peer.protocols.get('p')?.offered[0] === 'p/2')
    const moved = await connection.supersede()
    const [here] = await successors
    expect(moved).toBe(here)
    expect(await connection.supersede()).toBe(here)
    expect(await here.supersede()).toBe(here)
    await accepted.closed
    await far.close({ timeout: 0 })
    await expect(here.closed.then(() => here.supersede())).rejects.toMatchObject({
      code: 'ERR_WARREN_CONNECTION_CLOSED',
    })
  })

  it('are of a family: chat goes on beside the ledger', async () => {
    const both = (...ledger: string[]) => ({ protocols: [...ledger, 'chat/1'], moves: { grace: 100 } })
    const { near, far, peer, successors } = await moving(network, both('ledger/1', 'ledger/2'))
    const chat = await peer.connect({ protocols: ['chat/1'] })
    expect(chat.replaces).toBeUndefined()
    for (const device of [near, far]) device.setProtocols(['ledger/2', 'ledger/1', 'chat/1'])
    const [ledger] = await successors
    expect([ledger.protocol, chat.isOpen, chat.replacedBy]).toEqual(['ledger/2', true, undefined])
    expect([peer.protocols.get('chat')?.current, peer.protocols.get('ledger')?.current]).toEqual(['chat/1', 'ledger/2'])
  })

  it('share the slots of messages that replace each other', async () => {
    const { near, far, connection, accepted, successors } = await moving(network)
    await Promise.all(Array.from({ length: 36 }, () => connection.send(Buffer.alloc(2 ** 20), { priority: 9 })))
    const stale = await connection.send(Buffer.from('stale'), { replaces: 'vote' })
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    const [here, there] = await successors
    await here.send(Buffer.from('fresh'), { replaces: 'vote' })
    expect(await stale.settled).toBe('replaced')
    expect(String((await there.messages().next()).value?.bytes)).toBe('fresh')
    expect((await collect(accepted)).length).toBe(36)
  }, 30_000)

  it('give each broadcast to each peer once, encoded for its version', async () => {
    const { near, far, accepted, successors } = await moving(network, { protocols: OLD_FIRST })
    const third = await network.open({ protocols: ['p/1'], authorize: () => true })
    await near.addPeer({ publicKey: third.publicKey, endpoint: endpointOf(third) }).connect()
    const encoded: string[] = []
    const encode = ({ protocol }: { protocol: string }) => {
      encoded.push(protocol)
      return Buffer.from(protocol)
    }
    await near.broadcast(encode)
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    const [here, there] = await successors
    const results = await near.broadcast(encode)
    expect([encoded[0], encoded.slice(1).sort()]).toEqual(['p/1', ['p/1', 'p/2']])
    expect([...results.keys()].filter(({ peer }) => peer === here.peer)).toEqual([here])
    expect(String((await accepted.messages().next()).value?.bytes)).toBe('p/1')
    expect(String((await there.messages().next()).value?.bytes)).toBe('p/2')
    await expect(near.broadcast(() => 'text' as never)).rejects.toThrow(TypeError)
  })

  it('let streams go on within the grace, and end them with the connection that they are on', async () => {
    const { near, far, connection, accepted, successors } = await moving(network)
    const arrived: string[] = []
    accepted.on('stream', (stream) =>
      text(stream).then(
        (all) => arrived.push(all),
        () => arrived.push('broken off'),
      ),
    )
    const whole = connection.openStream()
    const open = connection.openStream()
    const errors = new Promise<NodeJS.ErrnoException>((resolve) => open.once('error', resolve))
    open.write('where it is')
    void whenMoved(near, async () => whole.end('all of it'))
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    await successors
    expect(await errors).toMatchObject({ code: 'ERR_WARREN_SUPERSEDED' })
    await until(() => arrived.length === 2)
    expect(arrived.sort()).toEqual(['all of it', 'broken off'])
    const late = connection.openStream()
    expect(((await once(late, 'error')) as [NodeJS.ErrnoException])[0].code).toBe('ERR_WARREN_SUPERSEDED')
  })

  it('follow the newest lists when a connection is lost', async () => {
    const { near, far, peer, wire, connection } = await moving(network, { protocols: OLD_FIRST, deadAfter: 300 }, {})
    wire.cut()
    near.setProtocols(NEW_FIRST)
    far.setProtocols(NEW_FIRST)
    const outgoing = await connection.send(Buffer.from('lost'))
    expect(await outgoing.settled).toBe('lost')
    wire.mend()
    await until(() => peer.protocols.get('p')?.current === 'p/2')
  }, 30_000)

  it('are made by the end that alone offers the version', async () => {
    for (const offers of ['near', 'far'] as const) {
      const { near, far, successors } = await moving(network)
      const [one, other] = offers === 'near' ? [near, far] : [far, near]
      other.setProtocols({ offer: ['p/1'], accept: NEW_FIRST })
      one.setProtocols({ offer: NEW_FIRST, accept: ['p/1'] })
      const [here] = await successors
      expect([here.protocol, here.initiator]).toEqual(['p/2', offers === 'near' ? 'local' : 'remote'])
    }
  })

  it('let live connections go above a floor that is raised', async () => {
    const options = { protocols: OLD_FIRST, moves: { grace: 100 } }
    const { near, connection, successors } = await moving(network, options)
    near.setFloor('p/2', { grace: 60_000 })
    const [here] = await successors
    expect(here.protocol).toBe('p/2')
    expect(await connection.closed).toMatchObject({ reason: 'superseded', error: undefined })
  })
})
