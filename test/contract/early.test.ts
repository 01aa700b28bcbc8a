import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, it } from '@jest/globals'
import type { Connection, IncomingStream } from 'warren'
import { connect, eachDriver, endpointOf, type Network, type Pair, until } from './network.js'

/** Datagrams of WireGuard that carry packets (whitepaper section 5.4.6). */
const DATA = 4

eachDriver('connecting early', (network) => {
  it('has what is sent read while no packet of the answer has come', async () => {
    const { pair, answers } = await quiet(network)
    const taken = once(pair.far, 'connection') as Promise<[Connection]>
    const connection = await pair.peer.connect({ early: true })
    const outgoing = await connection.send(Buffer.from('ask'))
    const stream = connection.openStream({ name: 'first' })
    stream.end('streamed')
    const [accepted] = await taken
    const [[incoming], { value: message }] = await Promise.all([
      once(accepted, 'stream') as Promise<[IncomingStream]>,
      accepted.messages().next(),
    ])
    expect([String(message?.bytes), incoming.name]).toEqual(['ask', 'first'])
    expect([pair.near.connections.size, pair.peer.connections.size]).toEqual([0, 0])
    const up = once(pair.near, 'connection')
    answers.pass()
    await connection.confirmed
    expect(await up).toEqual([connection])
    expect([...pair.near.connections]).toEqual([connection])
    expect(await outgoing.settled).toBe('delivered')
    if (incoming instanceof Duplex) incoming.pipe(incoming)
    expect(String(await stream.toArray())).toBe('streamed')
    expect([connection.protocol, connection.initiator, accepted.initiator]).toEqual(['warren/1', 'local', 'remote'])
  })

  it('gives the same connection to all who ask at once, to each as soon as it may have it', async () => {
    const { pair, answers } = await quiet(network)
    const plain = pair.peer.connect()
    const early = pair.peer.connect({ early: true })
    const connection = await early
    expect(await pair.peer.connect({ early: true })).toBe(connection)
    answers.pass()
    expect(await plain).toBe(connection)
    expect(await pair.peer.connect({ early: true })).toBe(connection)
  })

  it('tells by `confirmed` what `connect()` would have rejected with, and of no connection', async () => {
    const { pair, answers } = await quiet(network, { protocols: ['ledger/1'] }, { protocols: ['ledger/9'] })
    const told: string[] = []
    pair.near.on('connection', () => told.push('connection')).on('connectionClose', () => told.push('connectionClose'))
    const connection = await pair.peer.connect({ early: true })
    const outgoing = await connection.send(Buffer.from('ask'))
    answers.pass()
    await expect(connection.confirmed).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_COMMON_PROTOCOL',
      message: expect.stringContaining('ledger/9'),
    })
    expect(await outgoing.settled).toBe('lost')
    expect((await connection.closed).error).toMatchObject({ code: 'ERR_WARREN_NO_COMMON_PROTOCOL' })
    expect(told).toEqual([])
    expect(pair.far.connections.size).toBe(0)
  })

  it('rejects where the tunnel does not come up, as ever', async () => {
    const pair = await network.pair()
    await pair.far.close()
    await expect(pair.peer.connect({ early: true, timeout: 300 })).rejects.toMatchObject({
      code: 'ERR_WARREN_NO_HANDSHAKE',
    })
  })

  it('waits for the peer where two protocols may come of the dial, and not where one of them is asked for', async () => {
    const protocols = ['ledger/2', 'ledger/1']
    const open = await network.pair({ protocols }, { protocols })
    const either = await open.peer.connect({ early: true })
    expect([...open.near.connections]).toEqual([either])
    const { pair, answers } = await quiet(network, { protocols })
    const one = await pair.peer.connect({ early: true, protocols: ['ledger/1'] })
    expect([one.protocol, pair.near.connections.size]).toEqual(['ledger/1', 0])
    answers.pass()
    await one.confirmed
  })

  it('delivers what was sent before a close that follows at once', async () => {
    for (const close of ['connection', 'peer', 'device'] as const) {
      const pair = await network.pair()
      const taken = once(pair.far, 'connection') as Promise<[Connection]>
      const connection = await pair.peer.connect({ early: true })
      await connection.send(Buffer.from('last words'))
      const closing = {
        connection: () => connection.close(),
        peer: () => pair.peer.remove(),
        device: () => pair.near.close(),
      }
      await closing[close]()
      const [accepted] = await taken
      const { value } = await accepted.messages().next()
      expect(String(value?.bytes)).toBe('last words')
      await pair.far.close()
    }
  })

  it('is of no consequence where a connection is up', async () => {
    const pair = await network.pair()
    const { connection } = await connect(pair)
    expect(await pair.peer.connect({ early: true })).toBe(connection)
    await connection.confirmed
  })

  it('has both ends send on one connection when both dial at once', async () => {
    const pair = await network.pair()
    pair.back.update({ endpoint: endpointOf(pair.near) })
    const both = await Promise.all([pair.peer.connect({ early: true }), pair.back.connect({ early: true })])
    for (const [count, connection] of both.entries()) await connection.send(Buffer.from(`from ${count}`))
    await Promise.all(both.map(({ confirmed }) => confirmed))
    const heard = await Promise.all(both.map((connection) => connection.messages().next()))
    expect(heard.map(({ value }) => String(value?.bytes))).toEqual(['from 1', 'from 0'])
    await until(() => pair.near.connections.size === 1 && pair.far.connections.size === 1)
    expect([[...pair.near.connections], [...pair.far.connections]]).toEqual(both.map((connection) => [connection]))
  })
})

/** A pair of which the far end's packets are lost until they may pass: the near end has its tunnel, and no answer more. */
async function quiet(
  network: Network,
  near: { protocols?: readonly string[] } = {},
  far = near,
): Promise<{ pair: Pair; answers: { pass(): void } }> {
  let passes = false
  const carries = (datagram: Buffer, to: 'near' | 'far'): boolean => passes || to === 'far' || datagram[0] !== DATA
  const pair = await network.pair(near, far, { carries })
  const pass = (): void => {
    passes = true
  }
  return { pair, answers: { pass } }
}
