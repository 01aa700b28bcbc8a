import type { Histogram, LaneFigures } from '../generated/objects.js'
import type { OutboxLane } from '../outbox/outbox-lane.js'
import { NO_OUTCOMES, OUTCOMES } from '../outbox/outcomes.js'

/** Figures of one priority: of a connection, or summed over those of a peer or a device. */
export interface LaneStats extends LaneFigures {
  /** Number of messages that wait for room: their `send` has not resolved. */
  readonly waitingMessages: number
  /** Bytes of those. */
  readonly waitingBytes: number
  /** Age of the oldest of all these, in milliseconds. */
  readonly oldest: number
}

/** Figures of an outbox's lane. */
export type OutboxFigures = Pick<OutboxLane<never>, 'priority' | 'outcomes' | 'waitingMessages' | 'waitingBytes'> & {
  readonly first: { readonly since: number } | undefined
}

/** Joins what the engine knows of lanes with what one outbox or several do, by priority. */
export function joinLanes(
  engine: Iterable<LaneFigures>,
  outboxes: Iterable<OutboxFigures>,
  now: number,
): readonly LaneStats[] {
  const lanes = new Map<number, Mutable<LaneStats>>()
  for (const lane of engine) lanes.set(lane.priority, { ...lane, ...NO_OUTCOMES, waitingMessages: 0, waitingBytes: 0 })
  for (const { priority, outcomes, waitingMessages, waitingBytes, first } of outboxes) {
    const lane = lanes.get(priority) ?? emptyLane(priority)
    lane.waitingMessages += waitingMessages
    lane.waitingBytes += waitingBytes
    if (first !== undefined) lane.oldest = Math.max(lane.oldest, now - first.since)
    for (const outcome of OUTCOMES) lane[outcome] += outcomes[outcome]
    lanes.set(priority, lane)
  }
  return inOrder(lanes)
}

function inOrder(lanes: ReadonlyMap<number, LaneStats>): readonly LaneStats[] {
  return [...lanes.values()].sort((a, b) => a.priority - b.priority)
}

function emptyLane(priority: number): Mutable<LaneStats> {
  return { priority, ...NOTHING_WAITS, ...NO_OUTCOMES, sentBytes: 0, waited: EMPTY, delivery: EMPTY }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const NOTHING_WAITS = { waitingMessages: 0, waitingBytes: 0, queuedMessages: 0, queuedBytes: 0, oldest: 0 }

const EMPTY: Histogram = { count: 0, sum: 0, p50: 0, p99: 0, max: 0, buckets: [] }
