import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'warren'
import { type Figure, percentile } from './figures.js'
import { now } from './priority/now.js'
import type { Program } from './program.js'

const BULK_BYTES = 1024 * 1024
/** So many are sent at once, each by a loop that waits for room in the lane: as when several blocks have to go out. */
const BULK_SENDERS = 8
const URGENT_BYTES = 1024
const URGENT_INTERVAL_MS = 10
const BULK_PRIORITY = 0
const URGENT_PRIORITY = 100
/** Each of the two arrangements twice, in turn: what drifts meets both. */
const phases = [true, false, true, false] as const
/** At the start of each phase, what the phase before left in the queues is still on its way. */
const SETTLE_MS = 500

/** What the far end received, since it was last asked. */
interface Arrivals {
  readonly latencies: number[]
  bulkBytes: number
}

/**
 * How long does an urgent object take while bulk fills the connection, with a priority of its own and without?
 *
 * Latency counts from the instant an object was due to the instant JavaScript has it at the far end.
 */
export const urgent: Program = {
  name: 'urgent',
  question: 'How long does an urgent 1 KiB take under saturating bulk, with a priority of its own and without?',

  serve(device) {
    let arrivals: Arrivals = { latencies: [], bulkBytes: 0 }
    device.on('connection', async (connection) => {
      for await (const { bytes } of connection.messages()) {
        if (bytes.length === URGENT_BYTES) arrivals.latencies.push(now() - bytes.readDoubleBE(0))
        else arrivals.bulkBytes += bytes.length
      }
    })
    return () => {
      const taken = arrivals
      arrivals = { latencies: [], bulkBytes: 0 }
      return taken
    }
  },

  async measure({ options, peer, ask }) {
    const connection = await peer.connect()
    const stop = new AbortController()
    const bulk = Promise.all(Array.from({ length: BULK_SENDERS }, () => sendBulk(connection, stop.signal)))
    const results = { true: [] as Arrivals[], false: [] as Arrivals[] }
    for (const prioritised of phases) {
      const pause = new AbortController()
      const sending = sendUrgent(connection, prioritised ? URGENT_PRIORITY : BULK_PRIORITY, pause.signal)
      await delay(SETTLE_MS)
      await ask()
      await delay((options.seconds * 1_000) / 2)
      results[`${prioritised}`].push((await ask()) as Arrivals)
      pause.abort()
      await sending
    }
    stop.abort()
    await bulk
    connection.destroy()

    const figure = (metric: string, value: number, unit: string): Figure => ({ name: 'priority', metric, value, unit })
    const urgent = results.true.flatMap(({ latencies }) => latencies)
    const shared = results.false.flatMap(({ latencies }) => latencies)
    const bulkMbits = (phase: Arrivals[]): number =>
      (phase.reduce((sum, { bulkBytes }) => sum + bulkBytes, 0) * 8) / options.seconds / 1e6
    return [
      figure('urgent_p50', percentile(urgent, 0.5), 'ms'),
      figure('urgent_p99', percentile(urgent, 0.99), 'ms'),
      figure('shared_p50', percentile(shared, 0.5), 'ms'),
      figure('shared_p99', percentile(shared, 0.99), 'ms'),
      figure('urgent_to_shared_p99', percentile(urgent, 0.99) / percentile(shared, 0.99), 'ratio'),
      figure('bulk_beside_urgent', bulkMbits(results.true), 'Mbit/s'),
      figure('bulk_beside_shared', bulkMbits(results.false), 'Mbit/s'),
    ]
  },
}

/** Keeps the lane full: `send` resolves when there was room. */
async function sendBulk(connection: Connection, signal: AbortSignal): Promise<void> {
  const bytes = Buffer.alloc(BULK_BYTES)
  while (!signal.aborted) await connection.send(bytes, { priority: BULK_PRIORITY })
}

/** One every interval, counted from the instant it was due, however late this process is. */
async function sendUrgent(connection: Connection, priority: number, signal: AbortSignal): Promise<void> {
  for (let due = now(); !signal.aborted; due += URGENT_INTERVAL_MS) {
    const wait = due - now()
    if (wait > 0) await delay(wait)
    const bytes = Buffer.alloc(URGENT_BYTES)
    // Timers may be early by less than a millisecond.
    bytes.writeDoubleBE(Math.min(due, now()), 0)
    connection.send(bytes, { priority }).catch(() => undefined)
  }
}
