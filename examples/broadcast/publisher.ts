import { now, until } from './clock.js'
import type { Gossip } from './gossip.js'
import { BULK_PRIORITY, URGENT_PRIORITY } from './lanes.js'
import { createObject, type SharedObject } from './objects.js'
import { phaseAt } from './schedule.js'

/** Of its own bulk objects, a node has this many under way at most. */
export const BULK_WINDOW = 2

export interface PublisherOptions {
  readonly seconds: number
  readonly bulkSize: number
  readonly urgentSize: number
  readonly urgentInterval: number
  readonly alwaysPrioritised?: boolean | undefined
}

/**
 * Publishes both kinds of object from `start` on, until `signal` aborts or the run is over.
 *
 * `announce` is awaited before an object leaves, so that there is never an object on the network of which the parent has
 * not heard, even when this process is killed between two instructions.
 */
export async function publish(
  gossip: Gossip,
  options: PublisherOptions,
  start: number,
  announce: (object: SharedObject) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const end = start + options.seconds * 1_000

  const isRunning = (): boolean => now() < end && !signal.aborted

  /** Closed loop: the next one follows when the network is done with this one. */
  async function publishBulk(): Promise<void> {
    while (isRunning()) {
      if (gossip.isAlone) {
        await until(now() + 100, signal)
        continue
      }
      const object = createObject('bulk', options.bulkSize, now(), BULK_PRIORITY)
      await announce(object)
      await gossip.publish(object)
    }
  }

  /**
   * Open loop: one every interval, whatever happens. Latency counts from the instant an object was due, so when this
   * process is late, the delay shows in the figures instead of thinning out the samples.
   */
  async function publishUrgent(): Promise<void> {
    let due = Math.max(start, now()) + Math.random() * options.urgentInterval
    for (; due < end; due += options.urgentInterval) {
      await until(due, signal)
      if (signal.aborted) return
      const prioritised = options.alwaysPrioritised || phaseAt((due - start) / 1_000, options.seconds).prioritised
      const object = createObject('urgent', options.urgentSize, due, prioritised ? URGENT_PRIORITY : BULK_PRIORITY)
      await announce(object)
      await gossip.publish(object)
    }
  }

  await until(start, signal)
  await Promise.all([publishUrgent(), ...Array.from({ length: BULK_WINDOW }, publishBulk)])
}
