import { expect, it } from '@jest/globals'
import type { Connection, Device, Outcome, Outgoing } from 'warren'
import { collect, eachDriver, pattern, until } from './network.js'

const KB = 1_000
const MIB = 2 ** 20
const SLOW = 8_000_000

eachDriver('a lane', (network) => {
  it('that is full and drops the oldest keeps the newest, and what has begun to leave arrives', async () => {
    const { connection, accepted } = await network.connected(
      { uplink: SLOW, lanes: { 5: { full: 'drop-oldest', maxQueuedBytes: 100 * KB } } },
      {},
    )
    const received = collect(accepted)
    const outcomes = await burst(connection, 40, 5)
    expect(outcomes.at(-1)).toBe('delivered')
    expect(outcomes.at(-2)).toBe('delivered')
    expect(outcomes.filter((outcome) => outcome === 'dropped').length).toBeGreaterThan(20)
    expect(new Set(outcomes)).toEqual(new Set(['delivered', 'dropped']))
    await nothingWaits(connection)
    await connection.close()
    expect((await received).length).toBe(outcomes.filter((outcome) => outcome === 'delivered').length)
  })

  it('that is full and drops the newest delivers the oldest', async () => {
    const { connection, accepted } = await network.connected(
      { uplink: SLOW, lanes: { 5: { full: 'drop-newest', maxQueuedBytes: 100 * KB } } },
      {},
    )
    const received = collect(accepted)
    const outcomes = await burst(connection, 40, 5)
    const first = outcomes.indexOf('dropped')
    expect(first).toBeGreaterThanOrEqual(1)
    expect(outcomes.slice(0, first)).toEqual(Array(first).fill('delivered'))
    expect(outcomes.filter((outcome) => outcome === 'dropped').length).toBeGreaterThan(20)
    await nothingWaits(connection)
    await connection.close()
    expect((await received)[0]?.equals(pattern(40 * KB, 0))).toBe(true)
  })

  it('that is full and closes ends the connection with its error, and no other', async () => {
    const { near, connection, accepted } = await network.connected(
      { uplink: SLOW, lanes: { 5: { full: 'close', maxQueuedBytes: 100 * KB } } },
      {},
    )
    void collect(accepted)
    await Promise.all((await burstOf(connection, 3, 4)).map(({ cancel }) => cancel))
    expect(connection.isOpen).toBe(true)
    const outcomes = await burst(connection, 40, 5)
    expect(await connection.closed).toMatchObject({ by: 'local', error: { code: 'ERR_WARREN_LANE_FULL' } })
    expect(outcomes.at(-1)).toBe('lost')
    expect((await accepted.closed).by).toBe('remote')
    await expect(connection.send(pattern(1))).rejects.toMatchObject({
      code: 'ERR_WARREN_CONNECTION_CLOSED',
      cause: { code: 'ERR_WARREN_LANE_FULL' },
    })
    expect(near.connections.size).toBe(0)
  })

  it.each([
    { queuedBytesPerPeer: 1 },
    { queuedBytesPerPeer: 100 * KB },
    { queuedBytes: 1 },
    { queuedBytes: 100 * KB },
    { queuedBytes: 1, queuedBytesPerPeer: 1 },
  ])('under the limits %j lets whoever awaits each send wait, in each lane, and nobody else', async (limits) => {
    const { near, connection, accepted } = await network.connected({ limits }, {})
    const received = collect(accepted)
    const unasked = Array.from({ length: 100 }, () => connection.send(pattern(10 * KB)))
    const results = await Promise.allSettled(unasked)
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(80)
    for (const result of refused) expect(result).toMatchObject({ reason: { code: 'ERR_WARREN_QUEUE_FULL' } })
    await Promise.all(
      [0, 1, 200].map(async (priority) => {
        for (let index = 0; index < 30; index++) await connection.send(pattern(10 * KB), { priority })
      }),
    )
    await until(() => near.stats().queuedBytes === 0)
    await connection.close()
    expect((await received).length).toBe(100 - refused.length + 90)
  })

  it('that waits takes as much as it is given room for, and one message that is larger', async () => {
    const { connection, accepted } = await network.connected(
      { uplink: SLOW, lanes: { 5: { maxQueuedBytes: 100 * KB } } },
      {},
    )
    void collect(accepted)
    const large = await connection.send(pattern(MIB), { priority: 5 })
    let isAdmitted = false
    const next = connection.send(pattern(10), { priority: 5 }).finally(() => {
      isAdmitted = true
    })
    const other = await connection.send(pattern(10), { priority: 4 })
    expect(isAdmitted).toBe(false)
    expect(connection.stats().lanes.find(({ priority }) => priority === 5)).toMatchObject({
      waitingMessages: 1,
      waitingBytes: 10,
    })
    large.cancel()
    expect(await (await next).settled).toBe('delivered')
    expect(await other.settled).toBe('delivered')
  })

  it('with a rate keeps to it over all connections, and holds up no lane below', async () => {
    const devices = await network.group(
      3,
      [
        [0, 1],
        [0, 2],
      ],
      { lanes: { 200: { rate: SLOW / 4 } } },
    )
    const [hub, ...leaves] = devices as [Device, ...Device[]]
    for (const leaf of leaves) void collect([...leaf.connections][0] as Connection)
    const start = performance.now()
    const limited = await hub.broadcast(pattern(500 * KB), { priority: 200 })
    const below = await hub.broadcast(pattern(500 * KB), { priority: 1 })
    let isOver = false
    const ended = Promise.all(Array.from(limited.values(), ({ settled }) => settled)).then((outcomes) => {
      isOver = true
      return outcomes
    })
    const free = await Promise.all(Array.from(below.values(), ({ settled }) => settled))
    expect([free, isOver]).toEqual([['delivered', 'delivered'], false])
    expect(await ended).toEqual(['delivered', 'delivered'])
    // 1 MB at 0.25 MB/s, less what the bucket holds at the start.
    expect(performance.now() - start).toBeGreaterThan(2_800)
  })

  it('tells what is in it, what left it, and how long that took, for connection, peer and device', async () => {
    const { near, peer, connection, accepted } = await network.connected({ uplink: SLOW }, {})
    void collect(accepted)
    const outgoing = await burstOf(connection, 10, 7)
    const full = connection.stats().lanes[0]
    expect(full?.priority).toBe(7)
    expect(full?.queuedMessages).toBeGreaterThan(0)
    expect(full?.queuedBytes).toBeGreaterThan(0)
    await until(() => (connection.stats().lanes[0]?.oldest ?? 0) > 20)
    await Promise.all(outgoing.map(({ settled }) => settled))
    for (const stats of [connection.stats(), peer.stats(), near.stats()]) {
      // What is told of lanes is in `lanes`, and there alone.
      expect(Object.keys(stats).filter((name) => /lane\d/.test(name))).toEqual([])
      const [lane] = stats.lanes
      expect(lane).toMatchObject({ priority: 7, delivered: 10, queuedMessages: 0, queuedBytes: 0, oldest: 0, lost: 0 })
      expect(lane?.sentBytes).toBeGreaterThanOrEqual(10 * 40 * KB)
      expect(lane?.waited.count).toBe(10)
      expect(lane?.delivery.count).toBe(10)
      expect(lane?.delivery.max).toBeGreaterThanOrEqual(lane?.delivery.p50 ?? 0)
      // The last of ten waits for nine before it: 360 KB at 1 MB/s.
      expect(lane?.waited.max).toBeGreaterThan(100)
      expect(lane?.delivery.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(10)
    }
    await connection.close()
    expect(peer.stats().lanes[0]).toMatchObject({ delivered: 10, delivery: { count: 10 } })
    expect(near.stats().lanes[0]?.sentBytes).toBeGreaterThanOrEqual(10 * 40 * KB)
    expect(connection.stats().lanes).toEqual([])
  })
})

async function burstOf(connection: Connection, count: number, priority: number): Promise<Outgoing[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => connection.send(pattern(40 * KB, index), { priority })),
  )
}

async function burst(connection: Connection, count: number, priority: number): Promise<Outcome[]> {
  const outgoing = await burstOf(connection, count, priority)
  return Promise.all(outgoing.map(({ settled }) => settled))
}

/** Everything that was counted is counted back. */
async function nothingWaits({ peer, ...connection }: Connection): Promise<void> {
  void connection
  await until(() => peer.stats().lanes.every(({ queuedBytes, waitingBytes }) => queuedBytes + waitingBytes === 0))
}
