import { describe, expect, it } from '@jest/globals'
import { joinLanes, type OutboxFigures } from '../../../lib/figures/lane-stats.js'
import { LaneTotals } from '../../../lib/figures/lane-totals.js'
import type { LaneFigures } from '../../../lib/generated/objects.js'
import { lanes, policyOf } from '../../../lib/outbox/lanes.js'
import { OutboxLane } from '../../../lib/outbox/outbox-lane.js'
import { NO_OUTCOMES } from '../../../lib/outbox/outcomes.js'
import type { Sent } from '../../../lib/outbox/sent.js'

type Histogram = LaneFigures['waited']

function histogram(...durations: number[]): Histogram {
  const counts = new Map<number, number>()
  for (const duration of durations) {
    const le = 2 ** Math.ceil(Math.log2(duration))
    counts.set(le, (counts.get(le) ?? 0) + 1)
  }
  const buckets = Array.from(counts, ([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le)
  const sum = durations.reduce((total, duration) => total + duration, 0)
  return { count: durations.length, sum, p50: -1, p99: -1, max: Math.max(0, ...durations), buckets }
}

function engineLane(priority: number, figures: Partial<LaneFigures> = {}): LaneFigures {
  return {
    priority,
    ...{ queuedBytes: 0, queuedMessages: 0, oldest: 0, sentBytes: 0 },
    ...{ delivered: 0, expired: 0, cancelled: 0, replaced: 0, dropped: 0, lost: 0 },
    ...{ waited: histogram(), delivery: histogram() },
    ...figures,
  }
}

function outboxLane(priority: number, figures: Partial<OutboxFigures> = {}): OutboxFigures {
  return { priority, outcomes: NO_OUTCOMES, waitingMessages: 0, waitingBytes: 0, first: undefined, ...figures }
}

describe('the figures of lanes', () => {
  it('join what waits for admission, and how messages ended, with what the engine knows', () => {
    const outbox = new OutboxLane<Sent>(7, policyOf(lanes({}, 'lanes'), 7))
    outbox.outcomes.expired = 3
    outbox.outcomes.delivered = 2
    outbox.push({ since: 60, length: 500, previous: undefined, next: undefined } as never)
    const early = new OutboxLane<Sent>(1, outbox.policy)
    const joined = joinLanes(
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

  it('add up by priority over several outboxes', () => {
    const [sum, other] = joinLanes(
      [engineLane(0, { sentBytes: 3, oldest: 5, waited: histogram(1, 100) })],
      [
        outboxLane(0, { outcomes: { ...NO_OUTCOMES, delivered: 1 }, waitingBytes: 7, first: { since: 90 } }),
        outboxLane(0, {
          outcomes: { ...NO_OUTCOMES, delivered: 2, lost: 4 },
          waitingMessages: 1,
          first: { since: 80 },
        }),
        outboxLane(8, { outcomes: { ...NO_OUTCOMES, replaced: 1 } }),
      ],
      100,
    )
    expect(sum).toMatchObject({ priority: 0, sentBytes: 3, delivered: 3, lost: 4, waitingBytes: 7, oldest: 20 })
    expect(sum?.waited).toEqual(histogram(1, 100))
    expect(other).toMatchObject({ priority: 8, replaced: 1, oldest: 0, waitingBytes: 0 })
  })

  it('never go back when a connection ends, and nothing of it waits any more', () => {
    const device = new LaneTotals()
    const peer = new LaneTotals(device)
    const outcomes = (delivered: number) => ({ ...NO_OUTCOMES, delivered })
    const live = { outboxLanes: () => [outboxLane(1, { outcomes: outcomes(1), waitingBytes: 5 })] }
    const ends = {
      outboxLanes: () => [
        outboxLane(1, { outcomes: outcomes(10), waitingBytes: 9, first: { since: 1 } }),
        outboxLane(2, { outcomes: outcomes(3) }),
      ],
    }
    peer.add(live)
    peer.add(ends)
    expect(peer.now([], 100)[0]).toMatchObject({ delivered: 11, waitingBytes: 14, oldest: 99 })
    peer.ended(ends)
    for (const totals of [peer, device]) {
      expect(totals.now([], 100).map(({ priority, delivered }) => [priority, delivered])).toEqual([
        [1, 11],
        [2, 3],
      ])
      expect(totals.now([], 100)[0]).toMatchObject({ waitingBytes: 5, oldest: 0 })
    }
  })
})
