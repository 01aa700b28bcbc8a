import { describe, expect, it } from '@jest/globals'
import type { DriverLaneStats } from '../../lib/driver.js'
import { connectionLanes, type LaneStats, sumLanes } from '../../lib/lane-stats.js'
import { LaneTotals } from '../../lib/lane-totals.js'
import { lanes, policyOf } from '../../lib/lanes.js'
import { OutboxLane } from '../../lib/outbox-lane.js'

type Histogram = DriverLaneStats['waited']

function histogram(...durations: number[]): Histogram {
  const counts = new Map<number, number>()
  for (const duration of durations) {
    const le = 2 ** Math.ceil(Math.log2(duration))
    counts.set(le, (counts.get(le) ?? 0) + 1)
  }
  const buckets = Array.from(counts, ([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le)
  return { count: durations.length, p50: -1, p99: -1, max: Math.max(0, ...durations), buckets }
}

function engineLane(priority: number, figures: Partial<DriverLaneStats> = {}): DriverLaneStats {
  return {
    priority,
    ...{ queuedBytes: 0, queuedMessages: 0, oldest: 0, sentBytes: 0 },
    ...{ delivered: 0, expired: 0, cancelled: 0, replaced: 0, dropped: 0, lost: 0 },
    ...{ waited: histogram(), delivery: histogram() },
    ...figures,
  }
}

function lane(priority: number, figures: Partial<LaneStats> = {}): LaneStats {
  return { ...engineLane(priority), waitingMessages: 0, waitingBytes: 0, ...figures }
}

describe('the figures of lanes', () => {
  it('join what waits for admission, and how messages ended, with what the engine knows', () => {
    const outbox = new OutboxLane(7, policyOf(lanes({}, 'lanes'), 7))
    outbox.outcomes.expired = 3
    outbox.outcomes.delivered = 2
    outbox.push({ since: 60, length: 500, previous: undefined, next: undefined } as never)
    const early = new OutboxLane(1, outbox.policy)
    const joined = connectionLanes(
      [
        engineLane(7, { queuedBytes: 10, queuedMessages: 1, oldest: 25, delivered: 1 }),
        engineLane(9, { sentBytes: 5 }),
      ],
      [outbox, early],
      100,
    )
    expect(joined.map(({ priority }) => priority)).toEqual([1, 7, 9])
    expect(joined[1]).toMatchObject({ waitingMessages: 1, waitingBytes: 500, queuedBytes: 10, queuedMessages: 1 })
    expect(joined[1]).toMatchObject({ oldest: 40, expired: 3, delivered: 2 })
    expect(joined[2]).toMatchObject({ sentBytes: 5, waitingMessages: 0, delivered: 0 })
  })

  it('add up by priority, with percentiles of all durations together', () => {
    const many = Array.from({ length: 98 }, () => 1)
    const [sum, other] = sumLanes([
      [lane(0, { sentBytes: 1, oldest: 5, delivered: 1, waited: histogram(...many) })],
      [lane(0, { sentBytes: 2, oldest: 3, lost: 4, waited: histogram(3, 100) }), lane(8, { replaced: 1 })],
      [],
    ])
    expect(sum).toMatchObject({ priority: 0, sentBytes: 3, oldest: 5, delivered: 1, lost: 4 })
    expect(sum?.waited).toEqual({
      count: 100,
      p50: 1,
      p99: 4,
      max: 100,
      buckets: [
        { le: 1, count: 98 },
        { le: 4, count: 1 },
        { le: 128, count: 1 },
      ],
    })
    expect(other).toMatchObject({ priority: 8, replaced: 1 })
    const [worst] = sumLanes([[lane(0, { waited: histogram(1) })], [lane(0, { waited: histogram(100) })]])
    expect(worst?.waited).toMatchObject({ p50: 1, p99: 100 })
  })

  it('never go back when a connection ends, and nothing of it waits any more', () => {
    const device = new LaneTotals()
    const peer = new LaneTotals(device)
    const live = { lanes: () => [lane(1, { delivered: 1, queuedBytes: 5 })] }
    const ends = { lanes: () => [lane(1, { delivered: 10, queuedBytes: 50, waitingBytes: 9, oldest: 99 }), lane(2)] }
    peer.add(live)
    peer.add(ends)
    expect(peer.now()[0]).toMatchObject({ delivered: 11, queuedBytes: 55, waitingBytes: 9, oldest: 99 })
    peer.ended(ends)
    for (const totals of [peer, device]) {
      expect(totals.now()).toHaveLength(2)
      expect(totals.now()[0]).toMatchObject({ delivered: 11, queuedBytes: 5, waitingBytes: 0, oldest: 0 })
    }
  })
})
