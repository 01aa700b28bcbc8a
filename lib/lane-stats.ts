import type { DriverHistogram, DriverLaneStats } from './driver.js'
import type { Outcome } from './message.js'
import type { OutboxLane } from './outbox-lane.js'

/** Figures of one priority: of a connection, or summed over those of a peer or a device. */
export interface LaneStats extends Readonly<Record<Outcome, number>> {
  readonly priority: number
  /** Messages that wait for room: their `send` has not resolved. */
  readonly waitingMessages: number
  readonly waitingBytes: number
  /** Messages that were admitted and have not begun to leave. */
  readonly queuedMessages: number
  readonly queuedBytes: number
  /** How long the oldest of all these has waited, in milliseconds. */
  readonly oldest: number
  /** Written to the transport. */
  readonly sentBytes: number
  /** From admission until the message began to leave. */
  readonly waited: Histogram
  /** From admission until the sender knew that the peer's device holds the whole message. */
  readonly delivery: Histogram
}

/** Durations in milliseconds. Percentiles are upper bounds of their buckets. */
export interface Histogram {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Those that are not empty, shortest first: `count` durations above the bucket before, up to `le`. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

/** Joins what the engine knows of a connection's lanes with what its outbox does, by priority. */
export function connectionLanes(
  engine: readonly DriverLaneStats[],
  outbox: Iterable<OutboxLane>,
  now: number,
): readonly LaneStats[] {
  const lanes = new Map<number, LaneStats>()
  for (const lane of engine) lanes.set(lane.priority, { ...lane, waitingMessages: 0, waitingBytes: 0 })
  for (const { priority, outcomes, waitingMessages, waitingBytes, first } of outbox) {
    const known = lanes.get(priority) ?? emptyLane(priority)
    const oldest = Math.max(known.oldest, first === undefined ? 0 : now - first.since)
    lanes.set(priority, { ...known, ...outcomes, waitingMessages, waitingBytes, oldest })
  }
  return inOrder(lanes)
}

/** The sums of several lists, by priority; of the moment's levels, `oldest` is the oldest of all. */
export function sumLanes(lists: Iterable<readonly LaneStats[]>): readonly LaneStats[] {
  const sums = new Map<number, LaneStats>()
  for (const list of lists) {
    for (const lane of list) {
      const sum = sums.get(lane.priority)
      sums.set(lane.priority, sum === undefined ? lane : add(sum, lane))
    }
  }
  return inOrder(sums)
}

/** What remains of a connection's lanes when it is over: counters, and nothing that waits. */
export function pastLanes(lanes: readonly LaneStats[]): readonly LaneStats[] {
  return lanes.map((lane) => ({ ...lane, ...NOTHING_WAITS }))
}

function add(one: LaneStats, other: LaneStats): LaneStats {
  return {
    priority: one.priority,
    waitingMessages: one.waitingMessages + other.waitingMessages,
    waitingBytes: one.waitingBytes + other.waitingBytes,
    queuedMessages: one.queuedMessages + other.queuedMessages,
    queuedBytes: one.queuedBytes + other.queuedBytes,
    oldest: Math.max(one.oldest, other.oldest),
    sentBytes: one.sentBytes + other.sentBytes,
    delivered: one.delivered + other.delivered,
    expired: one.expired + other.expired,
    cancelled: one.cancelled + other.cancelled,
    replaced: one.replaced + other.replaced,
    dropped: one.dropped + other.dropped,
    lost: one.lost + other.lost,
    waited: addHistograms(one.waited, other.waited),
    delivery: addHistograms(one.delivery, other.delivery),
  }
}

function addHistograms(one: DriverHistogram, other: DriverHistogram): Histogram {
  const counts = new Map(one.buckets.map(({ le, count }) => [le, count]))
  for (const { le, count } of other.buckets) counts.set(le, (counts.get(le) ?? 0) + count)
  const buckets = Array.from(counts, ([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le)
  const count = one.count + other.count
  const max = Math.max(one.max, other.max)
  const percentile = (share: number): number => {
    let below = 0
    for (const bucket of buckets) {
      below += bucket.count
      if (below >= share * count) return Math.min(bucket.le, max)
    }
    return max
  }
  return { count, p50: percentile(0.5), p99: percentile(0.99), max, buckets }
}

function inOrder(lanes: ReadonlyMap<number, LaneStats>): readonly LaneStats[] {
  return [...lanes.values()].sort((a, b) => a.priority - b.priority)
}

function emptyLane(priority: number): LaneStats {
  const outcomes = { delivered: 0, expired: 0, cancelled: 0, replaced: 0, dropped: 0, lost: 0 }
  return { priority, ...NOTHING_WAITS, ...outcomes, sentBytes: 0, waited: EMPTY, delivery: EMPTY }
}

const NOTHING_WAITS = { waitingMessages: 0, waitingBytes: 0, queuedMessages: 0, queuedBytes: 0, oldest: 0 }

const EMPTY: Histogram = { count: 0, p50: 0, p99: 0, max: 0, buckets: [] }
