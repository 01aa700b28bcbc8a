import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Device, PrivateKey } from 'warren'
import { type Figure, percentile } from './figures.js'
import type { Near, Program } from './program.js'
import { receivedBytes } from './received-bytes.js'

/** From `dist/bench`. */
const ROOT = join(__dirname, '../..')

const CHUNK_BYTES = 256 * 1024
const WARM_UP_MS = 1_000
/** After the flood began, and before it ends. */
const MARGIN_MS = 300
/** Of each kind: so many times elsewhere and here. */
const ROUNDS = 5
const DIALS = 20
/** At most 0.4 s each, and then 10 s together. */
const DIALS_SECONDS = 20
const RATE = 50_000

const KINDS = ['initiations', 'wrong-mac', 'data', 'malformed'] as const
type Kind = (typeof KINDS)[number]

/** What the far end has done by now. */
interface Progress {
  readonly at: number
  readonly bytes: number
  readonly residentBytes: number
}

/** What the program in `bench/flood` says. */
interface Flood {
  readonly seconds: number
  readonly sent: number
  readonly sentBytes: number
  readonly answerBytes: number
}

/** One that has begun. */
interface Pouring {
  readonly poured: Promise<Flood>
}

/**
 * What does a stranger's flood cost the peers of a device?
 *
 * A stream runs into the device all the time. The same flood goes in turn to a socket that nobody reads and to the device, so
 * that what the flood costs the machine is in both numbers, and what it costs the device in one.
 */
export const flood: Program = {
  name: 'flood',
  question: 'What does a flood by strangers cost a stream of a peer, and can peers still dial?',

  serve(device) {
    const received = receivedBytes(device)
    return (): Progress => ({ at: performance.now(), bytes: received(), residentBytes: process.memoryUsage.rss() })
  },

  async measure(near) {
    const connection = await near.peer.connect()
    const outgoing = connection.openStream()
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let isRunning = true
    const writing = (async () => {
      while (isRunning) if (!outgoing.write(chunk)) await once(outgoing, 'drain')
    })()
    await delay(WARM_UP_MS)
    const before = (await near.ask()) as Progress
    const figures: Figure[] = []
    for (const kind of KINDS) figures.push(...(await compare(near, kind, RATE)))
    figures.push(...(await dials(near)))
    figures.push(...(await compare(near, 'initiations', 0)))
    const after = (await near.ask()) as Progress
    isRunning = false
    connection.destroy()
    await writing.catch(() => {})
    return [...figures, figure('far_growth', (after.residentBytes - before.residentBytes) / 2 ** 20, 'MiB')]
  },
}

/** The stream beside the same flood at a socket that nobody reads, and at the device. */
async function compare(near: Near, kind: Kind, rate: number): Promise<readonly Figure[]> {
  const goodputs = { sink: [] as number[], device: [] as number[] }
  const rates: number[] = []
  let [sentBytes, answerBytes] = [0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    // The second of a pair is not always the same.
    for (const target of round % 2 === 0 ? (['sink', 'device'] as const) : (['device', 'sink'] as const)) {
      const flooding = await pour(target, near, kind, rate, near.options.seconds)
      goodputs[target].push(await goodput(near))
      const poured = await flooding.poured
      rates.push(poured.sent / poured.seconds)
      if (target === 'sink') continue
      sentBytes += poured.sentBytes
      answerBytes += poured.answerBytes
    }
  }
  const [beside, under] = [percentile(goodputs.sink, 0.5), percentile(goodputs.device, 0.5)]
  const name = `${kind.replace('-', '_')}_${rate === 0 ? 'full' : 'at_rate'}`
  return [
    figure(`${name}_rate`, percentile(rates, 0.5), '1/s'),
    figure(`${name}_elsewhere`, beside, 'Mbit/s'),
    figure(`${name}_here`, under, 'Mbit/s'),
    figure(`${name}_kept`, under / beside, 'ratio'),
    figure(`${name}_answered`, answerBytes / sentBytes, 'ratio'),
  ]
}

async function goodput(near: Near): Promise<number> {
  await delay(MARGIN_MS)
  const begin = (await near.ask()) as Progress
  await delay(near.options.seconds * 1_000 - 2 * MARGIN_MS)
  const end = (await near.ask()) as Progress
  return ((end.bytes - begin.bytes) * 8) / (end.at - begin.at) / 1e3
}

/**
 * Handshakes while initiations pour in: each dial has a key of its own, which the far end has to authorise. First one by one
 * from the address of a peer, then all at once from addresses where none has been: those compete with the flood for cookies.
 */
async function dials(near: Near): Promise<readonly Figure[]> {
  const flooding = await pour('device', near, 'initiations', RATE, DIALS_SECONDS)
  await delay(WARM_UP_MS)
  const took: number[] = []
  for (let count = 0; count < DIALS; count++) took.push(await dial(near, '127.0.0.1'))
  const newcomers = await Promise.all(Array.from({ length: DIALS }, (_, at) => dial(near, `127.77.0.${at + 1}`)))
  await flooding.poured
  const isIn = (time: number): boolean => time < Number.POSITIVE_INFINITY
  return [
    figure('dial_p50', percentile(took, 0.5), 'ms'),
    figure('dial_longest', Math.max(...took), 'ms'),
    figure('dials_of_20', took.filter(isIn).length, '1'),
    figure('newcomers_of_20', newcomers.filter(isIn).length, '1'),
  ]
}

/** Milliseconds, or infinity. */
async function dial({ peer, options }: Near, host: string): Promise<number> {
  const { publicKey, endpoint } = peer
  const privateKey = PrivateKey.generate()
  const device = await Device.open({ privateKey, listen: { host }, protocols: ['bench/1'], driver: options.driver })
  const begin = performance.now()
  try {
    await device.addPeer({ publicKey, endpoint }).connect()
    return performance.now() - begin
  } catch {
    return Number.POSITIVE_INFINITY
  } finally {
    await device.close()
  }
}

/** Runs the flood: `bench/flood`, a small Rust program, for a process of Node sends too few datagrams. */
async function pour(
  target: 'sink' | 'device',
  { peer }: Near,
  kind: Kind,
  rate: number,
  seconds: number,
): Promise<Pouring> {
  const address = target === 'sink' ? 'sink' : (peer.endpoint ?? '')
  const command = ['run', '--release', '--quiet', '--package', 'warren-bench-flood', '--']
  const args = [address, peer.publicKey, kind, String(rate), String(seconds)]
  const child = spawn('cargo', [...command, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return { poured: lines.next().then(({ value }) => JSON.parse(String(value)) as Flood) }
}

function figure(metric: string, value: number, unit: string): Figure {
  return { name: 'flood', metric, value, unit }
}
