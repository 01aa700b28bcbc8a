import { getEventListeners } from 'node:events'
import { expect, it } from '@jest/globals'
import type { Connection, LaneStats, Outcome, Outgoing, SendOptions } from 'warren'
import { collect, eachDriver, pattern, until } from './network.js'

const MIB = 2 ** 20
const PRIORITY = 3

/** What is sent at this rate for as long as a test looks at it. */
const SLOW = { uplink: 8_000_000 }

const WAYS = ['expired', 'cancelled', 'replaced'] as const
const STAGES = ['waits for room', 'stands in its lane', 'is on its way'] as const

type Way = (typeof WAYS)[number]

eachDriver('a message that becomes obsolete', (network) => {
  it.each(WAYS.flatMap((way) => STAGES.map((stage) => [way, stage] as const)))(
    '(%s) while it %s ends there, costs nothing more, and does not arrive',
    async (way, stage) => {
      const { connection, accepted, near } = await network.connected(SLOW, {})
      const received = collect(accepted)
      if (stage !== 'is on its way') await connection.send(pattern(4 * MIB, 1), { priority: PRIORITY })
      const length = stage === 'waits for room' ? MIB : stage === 'is on its way' ? 8 * MIB : 0
      const { sending, giveUp } = begin(connection, way, pattern(length, 2))
      // On a busy machine one that expires may do so before it begins to leave: then it waited in its lane to the end.
      if (stage === 'is on its way') {
        await until(() => (laneOf(connection)?.sentBytes ?? 0) > 0 || (laneOf(connection)?.[way] ?? 0) > 0)
      }
      const before = laneOf(connection)?.sentBytes ?? 0
      giveUp()
      expect(await outcomeOf(sending)).toBe(stage === 'waits for room' && way === 'cancelled' ? 'rejected' : way)
      expect((laneOf(connection)?.sentBytes ?? 0) - before).toBeLessThan(2 * MIB)
      expect(laneOf(connection)).toMatchObject({ [way]: 1, waitingMessages: 0 })
      const small = await connection.send(Buffer.from('small'), { priority: 9 })
      expect(await small.settled).toBe('delivered')
      connection.destroy()
      const texts = (await received).map(({ length }) => length)
      expect(texts.includes(length)).toBe(false)
      expect(near.stats().lanes.find(({ priority }) => priority === PRIORITY)).toMatchObject({ [way]: 1 })
    },
    20_000,
  )

  it('is counted alike at both ends when its stream had begun', async () => {
    const { connection, accepted, near, peer } = await network.connected({ uplink: 40_000_000 }, {})
    const received = collect(accepted)
    const outgoing: Outgoing[] = []
    // In the slot of those after it, so it may be replaced as well.
    let newer: Outgoing | undefined
    for (const way of WAYS) {
      const { begun, giveUp } = await underWay(connection, accepted, way)
      newer ??= await giveUp()
      outgoing.push(...begun)
      expect(await outgoing.at(-1)?.settled).toBe(way)
    }
    for (let index = 0; index < 30; index++) {
      const options = [{ lifetime: 20 }, { replaces: 'slot' }, {}][index % 3]
      const sent = await connection.send(pattern(MIB / 4, index), { priority: PRIORITY, ...options })
      if (index % 7 === 0) setImmediate(() => sent.cancel())
      outgoing.push(sent)
    }
    const outcomes = await Promise.all(outgoing.map(({ settled }) => settled))
    const counts = countOf(outcomes)
    expect(laneOf(connection)).toMatchObject(counts)
    expect(counts.delivered).toBeGreaterThan(0)
    const last = await connection.send(Buffer.from('last'), { priority: PRIORITY })
    expect(await last.settled).toBe('delivered')
    const [here, there] = [connection.stats(), accepted.stats()]
    const delivered = (counts.delivered ?? 0) + Number((await newer?.settled) === 'delivered') + 1
    expect(there.messagesReceived).toBe(delivered)
    expect([there.peerCancelled, there.peerReplaced, there.peerExpired]).toEqual([
      here.messagesCancelled,
      here.messagesReplaced,
      here.messagesExpired,
    ])
    expect(Math.min(there.peerCancelled, there.peerReplaced, there.peerExpired)).toBeGreaterThan(0)
    const figures = connection.stats().lanes
    await connection.close()
    expect((await received).length).toBe(delivered)
    expect(peer.stats().lanes).toMatchObject(figures)
    expect(near.stats().lanes).toMatchObject(figures)
  })

  it('has one listener on a signal for any number of messages, and none when they have settled', async () => {
    const { connection, accepted } = await network.connected()
    void collect(accepted)
    const { signal } = new AbortController()
    const outgoing = await Promise.all(
      Array.from({ length: 200 }, (_, index) => connection.send(pattern(index), { signal, priority: index % 3 })),
    )
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1)
    await Promise.all(outgoing.map(({ settled }) => settled))
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('by its slot leaves the newest alone: a fast producer of states costs a slow link only some of them', async () => {
    const { connection, accepted } = await network.connected(SLOW, {})
    const received = collect(accepted)
    const outgoing = await Promise.all(
      Array.from({ length: 100 }, (_, index) => connection.send(pattern(50_000, index), { replaces: 'state' })),
    )
    const outcomes = await Promise.all(outgoing.map(({ settled }) => settled))
    expect(outcomes.at(-1)).toBe('delivered')
    expect(countOf(outcomes).replaced).toBeGreaterThan(90)
    await connection.close()
    expect((await received).at(-1)?.equals(pattern(50_000, 99))).toBe(true)
  })
})

/** Sends until one is on its way: on a busy machine the first that expires may do so before the peer has any of it. */
async function underWay(
  connection: Connection,
  accepted: Connection,
  way: Way,
): Promise<{ begun: Outgoing[]; giveUp: () => Promise<Outgoing> | undefined }> {
  const begun: Outgoing[] = []
  for (let lifetime = 300; ; lifetime *= 2) {
    const before = accepted.stats().bytesReceived
    const { sending, giveUp } = begin(connection, way, pattern(8 * MIB), lifetime)
    const outgoing = await sending
    let over = false
    outgoing.settled.then(() => {
      over = true
    })
    begun.push(outgoing)
    const arrives = () => accepted.stats().bytesReceived > before + 100_000
    await until(() => arrives() || over)
    if (arrives()) return { begun, giveUp }
  }
}

/** Sends what will be given up in this way. One that expires does so by itself. */
function begin(
  connection: Connection,
  way: Way,
  bytes: Uint8Array,
  lifetime = 300,
): { sending: Promise<Outgoing>; giveUp: () => Promise<Outgoing> | undefined } {
  const controller = new AbortController()
  const options: Record<Way, SendOptions> = {
    expired: { lifetime },
    cancelled: { signal: controller.signal },
    replaced: { replaces: 'slot' },
  }
  const sending = connection.send(bytes, { priority: PRIORITY, ...options[way] })
  const giveUp: Record<Way, () => Promise<Outgoing> | undefined> = {
    expired: () => undefined,
    cancelled: () => {
      controller.abort()
      return undefined
    },
    replaced: () => connection.send(Buffer.from('newer'), { priority: 8, replaces: 'slot' }),
  }
  return { sending, giveUp: giveUp[way] }
}

async function outcomeOf(sending: Promise<Outgoing>): Promise<Outcome | 'rejected'> {
  try {
    return await (await sending).settled
  } catch {
    return 'rejected'
  }
}

function laneOf(connection: Connection): LaneStats | undefined {
  return connection.stats().lanes.find(({ priority }) => priority === PRIORITY)
}

function countOf(outcomes: readonly Outcome[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
