import type { DriverLaneStats } from '../driver.js'
import type { OutboxLane } from '../outbox/outbox-lane.js'
import type { Outcome } from '../outbox/send-options.js'

/** Figures of one priority: of a connection, or summed over those of a peer or a device. */
export interface LaneStats extends Readonly<Record<Outcome, number>> {
  /** The priority that the lane is for, 0 to 255. */
  readonly priority: number
  /** Number of messages that wait for room: their `send` has not resolved. */
  readonly waitingMessages: number
  /** Bytes of those. */
  readonly waitingBytes: number
  /** Number of messages that were admitted and have not begun to leave. */
  readonly queuedMessages: number
  /** Bytes that were admitted and are not yet written to the transport. */
  readonly queuedBytes: number
  /** Age of the oldest of all these, in milliseconds. */
  readonly oldest: number
  /** Bytes that were written to the transport. */
  readonly sentBytes: number
  /** Time from admission until the message began to leave. */
  readonly waited: Histogram
  /** Time from admission until the sender knew that the peer's device holds the whole message. */
  readonly delivery: Histogram
}

/** Durations in milliseconds, counted in buckets. Percentiles are upper bounds of their buckets. */
export interface Histogram {
  /** Number of durations. */
  readonly count: number
  /** Half of them were shorter, in milliseconds. */
  readonly p50: number
  /** 99 of 100 were shorter, in milliseconds. */
  readonly p99: number
  /** The longest, in milliseconds. */
  readonly max: number
  /** Buckets that are not empty, shortest first: `count` durations above the bucket before, up to `le` milliseconds. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

/** What an outbox tells of one of its lanes. */
export type OutboxFigures = Pick<OutboxLane<never>, 'priority' | 'outcomes' | 'waitingMessages' | 'waitingBytes'> & {
  readonly first: { readonly since: number } | undefined
}

/** Joins what the engine knows of lanes with what one outbox or several do, by priority. */
export function joinLanes(
  engine: Iterable<DriverLaneStats>,
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

/** Of no message. */
export const NO_OUTCOMES: Readonly<Record<Outcome, number>> = {
  delivered: 0,
  expired: 0,
  cancelled: 0,
  replaced: 0,
  dropped: 0,
  lost: 0,
}

/** All there are. */
export const OUTCOMES = Object.keys(NO_OUTCOMES) as readonly Outcome[]

const NOTHING_WAITS = { waitingMessages: 0, waitingBytes: 0, queuedMessages: 0, queuedBytes: 0, oldest: 0 }

const EMPTY: Histogram = { count: 0, p50: 0, p99: 0, max: 0, buckets: [] }
