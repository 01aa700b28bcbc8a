import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'warren'
import { type Figure, median, percentile } from './figures.js'
import { now } from './priority/now.js'
import type { Near, Program } from './program.js'

const CHUNK_BYTES = 256 * 1024
const DATAGRAM_BYTES = 1_200
const URGENT_INTERVAL_MS = 10
const URGENT_PRIORITY = 200
/** A busy receiver computes for so long of each 10 ms. */
const COMPUTING_MS = 3
/** A loop that never pauses lets go this often, so that the process can be asked at all. */
const LOOP_MS = 250
/** Of each situation, in turn: what drifts meets all. */
const ROUNDS = 5
/** At the beginning of each phase, for what the one before left behind. */
const SETTLE_MS = 300

const SITUATIONS = ['quiet', 'busy', 'computing'] as const
type Situation = (typeof SITUATIONS)[number]

/** What the far end has received since it was last asked. */
interface Arrivals {
  readonly at: number
  readonly bytes: number
  readonly datagrams: number
  readonly latencies: readonly number[]
}

/**
 * What becomes of a stream, and of urgent messages beside it, when somebody else wants the processors too?
 *
 * Three situations: nothing else runs; one process a processor computes without end; the receiver's JavaScript computes for
 * 3 of each 10 ms. Then datagrams from a loop that lets its event loop turn after each burst, and from one that does not for
 * 250 ms. Latency counts from the instant a message was due to the instant JavaScript has it.
 */
export const neighbours: Program = {
  name: 'neighbours',
  question: 'What do a stream and urgent messages keep beside busy processes, and of a busy event loop?',

  serve(device) {
    const seen = { bytes: 0, datagrams: 0, latencies: [] as number[] }
    device.on('connection', (connection) => receive(connection, seen))
    return (): Arrivals => ({ at: now(), ...seen, latencies: seen.latencies.splice(0) })
  },

  async measure(near) {
    const connection = await near.peer.connect()
    const stopped = new AbortController()
    const writing = write(connection, stopped.signal)
    const urging = urge(connection, stopped.signal)
    const goodputs: Record<Situation, number[]> = { quiet: [], busy: [], computing: [] }
    const latencies: Record<Situation, number[]> = { quiet: [], busy: [], computing: [] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const situation of round % 2 === 0 ? SITUATIONS : SITUATIONS.toReversed()) {
        const end = await begin(situation, connection)
        const arrived = await measured(near)
        await end()
        goodputs[situation].push((arrived.bytes * 8) / arrived.ms / 1e3)
        latencies[situation].push(...arrived.latencies)
      }
    }
    stopped.abort()
    await Promise.all([writing, urging])
    const rates = await datagramRates(near, connection)
    connection.destroy()

    const figure = (metric: string, value: number, unit: string): Figure => ({
      name: 'neighbours',
      metric,
      value,
      unit,
    })
    const goodput = (situation: Situation): number => median(goodputs[situation])
    const late = (situation: Situation, share: number): number => percentile(latencies[situation], share)
    return [
      figure('goodput_quiet', goodput('quiet'), 'Mbit/s'),
      figure('kept_beside_busy', goodput('busy') / goodput('quiet'), 'ratio'),
      figure('kept_by_computing', goodput('computing') / goodput('quiet'), 'ratio'),
      ...SITUATIONS.flatMap((situation) => [
        figure(`urgent_p50_${situation}`, late(situation, 0.5), 'ms'),
        figure(`urgent_p99_${situation}`, late(situation, 0.99), 'ms'),
      ]),
      figure('datagrams_pausing', rates.pausing, '1/s'),
      figure('endless_to_pausing', rates.endless / rates.pausing, 'ratio'),
    ]
  },
}

function receive(connection: Connection, seen: { bytes: number; datagrams: number; latencies: number[] }): void {
  let computing: NodeJS.Timeout | undefined
  connection.on('stream', (stream) => {
    stream.on('data', (chunk: Buffer) => {
      seen.bytes += chunk.length
    })
  })
  connection.on('datagram', () => {
    seen.datagrams += 1
  })
  void (async () => {
    for await (const { bytes, priority } of connection.messages()) {
      if (priority === URGENT_PRIORITY) seen.latencies.push(now() - bytes.readDoubleBE(0))
      else if (bytes[0] === 1) computing = setInterval(compute, 10, COMPUTING_MS)
      else clearInterval(computing)
    }
  })()
}

function compute(ms: number): void {
  const end = now() + ms
  while (now() < end);
}

/** Makes it so; answers how to end it. */
async function begin(situation: Situation, connection: Connection): Promise<() => Promise<void>> {
  if (situation === 'busy') {
    const endless = (): ChildProcess => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
    const processes = Array.from({ length: availableParallelism() }, endless)
    return async () => {
      for (const each of processes) {
        each.kill('SIGKILL')
        await once(each, 'exit')
      }
    }
  }
  const computing = (on: boolean) => connection.send(Buffer.of(on ? 1 : 0), { priority: URGENT_PRIORITY - 1 })
  await computing(situation === 'computing')
  return async () => void (await computing(false))
}

async function measured({ ask, options }: Near): Promise<Arrivals & { readonly ms: number }> {
  await delay(SETTLE_MS)
  const before = (await ask()) as Arrivals
  await delay((options.seconds * 1_000) / ROUNDS)
  const after = (await ask()) as Arrivals
  return {
    ...after,
    ms: after.at - before.at,
    bytes: after.bytes - before.bytes,
    datagrams: after.datagrams - before.datagrams,
  }
}

async function write(connection: Connection, signal: AbortSignal): Promise<void> {
  const stream = connection.openStream({ direction: 'out' })
  const chunk = Buffer.alloc(CHUNK_BYTES)
  while (!signal.aborted) if (!stream.write(chunk)) await once(stream, 'drain')
  stream.destroy()
}

async function urge(connection: Connection, signal: AbortSignal): Promise<void> {
  for (let due = now(); !signal.aborted; due += URGENT_INTERVAL_MS) {
    const wait = due - now()
    if (wait > 0) await delay(wait)
    const bytes = Buffer.alloc(64)
    // Timers may be early by less than a millisecond.
    bytes.writeDoubleBE(Math.min(due, now()), 0)
    connection.send(bytes, { priority: URGENT_PRIORITY }).catch(() => undefined)
  }
}

/** Datagrams a second that arrive, from a loop that pauses and from one that does not, in turn. */
async function datagramRates(near: Near, connection: Connection): Promise<{ pausing: number; endless: number }> {
  const rates = { pausing: [] as number[], endless: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['pausing', 'endless'] as const) {
      let isRunning = true
      const sending = burst(connection, kind === 'endless' ? LOOP_MS : 0, () => isRunning)
      const { datagrams, ms } = await measured(near)
      isRunning = false
      await sending
      rates[kind].push((datagrams * 1_000) / ms)
    }
  }
  return { pausing: median(rates.pausing), endless: median(rates.endless) }
}

/** Sends bursts of so many milliseconds, of 64 datagrams at least, with a turn of the event loop between them. */
async function burst(connection: Connection, ms: number, isRunning: () => boolean): Promise<void> {
  const bytes = Buffer.alloc(DATAGRAM_BYTES)
  while (isRunning()) {
    const end = now() + ms
    do for (let count = 0; count < 64; count++) connection.sendDatagram(bytes)
    while (now() < end)
    await new Promise(setImmediate)
  }
}
