import { setTimeout as delay } from 'node:timers/promises'
import { median, percentile } from '../figures.js'
import { FRESH_MS } from './load.js'
import type { Machine } from './machine.js'
import type { Network } from './network.js'
import { NodeProcess } from './node-process.js'
import { now } from './now.js'
import type { Scenario } from './scenario.js'
import type { TransportName } from './transports/table.js'
import { transports } from './transports/table.js'
import { busiestThread, type MachineUsage, machineUsage } from './usage.js'
import type { Report, Span, UrgentObject, Verbs } from './verbs.js'

/** Of one scenario over one transport, once. Times in milliseconds, rates in bits per second. */
export interface Measurement {
  readonly idle: Urgent
  readonly loaded: Urgent
  readonly bulkGoodput: number
  readonly linkCapacity: number | undefined
  readonly cpuPerGigabyte: number
  /** Mean of what the senders' shapers passed, as a share of their rate, and the mean size of its frames. */
  readonly shaper: { readonly share: number; readonly frameBytes: number; readonly drops: number } | undefined
  readonly cpu: Cpu
  /** The share of the windows in which the machine itself was slow: the greater of both. */
  readonly slow: number
  /** Until an object arrives on a stream opened for it under the load; undefined: no such difference. */
  readonly freshStream: number | undefined
}

export interface Urgent {
  readonly p50: number
  readonly p99: number
  /** The same of those that were due while the machine was not slow. */
  readonly steadyP99: number
  /** Those that had not arrived long after the window; they count with their age. */
  readonly missing: number
}

export interface Cpu {
  /** Of one core, of the busiest thread of all nodes. */
  readonly busiestThread: number
  /** Of all cores, by everything that runs here. */
  readonly machine: number
  /** Of all cores, by what does not belong to the benchmark. */
  readonly others: number
}

export interface MeasureOptions {
  readonly machine: Machine
  readonly seconds: number
  readonly uplink: number | undefined
  /** Of TCP on the links, by its name in Linux. */
  readonly congestionControl: string
}

/** Before the first window: connections, first round trips, compiled code. */
const WARM_UP_MS = 500
/** From the start of bulk to the window: longer than a queue of 1,000 packets takes to fill and TCP to find its rate. */
const SETTLE_MS = 3_000
/** What reading the shapers held up has gone by then. */
const SHAPERS_READ_MS = 300
/**
 * How long after the window is waited for what was under way: an urgent object that has not come then is missing and
 * counts with its age. An object of bulk takes 3 s where eight nodes share 20 Mbit/s.
 */
const GRACE_MS = 5_000
const FRESH_STREAMS = 3

export async function measure(
  scenario: Scenario,
  transport: TransportName,
  options: MeasureOptions,
): Promise<Measurement> {
  const network = await scenario.build(options.congestionControl)
  const nodes = network.places.map((place) => new NodeProcess(place))
  try {
    await connect(nodes, network, scenario, transport, options)
    await each(nodes, scenario, (node, { urgent }) => node.ask('urgent', { to: urgent }))
    await delay(WARM_UP_MS)
    const idle = await window(nodes, network, scenario, options, undefined)
    const bulkBegan = now()
    await each(nodes, scenario, (node, { bulk }) => node.ask('bulk', { to: bulk }))
    await delay(SETTLE_MS)
    const loaded = await window(nodes, network, scenario, options, bulkBegan)
    const senders = scenario.traffic.filter(({ bulk }) => bulk.length > 0).length
    const { rate } = scenario.link
    return {
      idle: idle.urgent,
      loaded: loaded.urgent,
      bulkGoodput: loaded.goodput,
      linkCapacity: rate && rate * senders * transports[transport].payloadShare,
      cpuPerGigabyte: loaded.cpuSeconds / ((loaded.goodput * loaded.seconds) / 8e9),
      shaper: loaded.shaper,
      cpu: loaded.cpu,
      slow: Math.max(idle.slow, loaded.slow),
      freshStream: nodes.length === 2 ? await openFresh(nodes) : undefined,
    }
  } finally {
    await Promise.all(nodes.map((node) => node.end()))
    await network.close()
  }
}

/** Under a load that goes on; the median, in which one that never arrived counts with the time it had. */
async function openFresh([near, far]: readonly NodeProcess[]): Promise<number | undefined> {
  const opened = (await near?.ask('fresh', { to: 1, count: FRESH_STREAMS })) ?? 0
  if (opened === 0) return undefined
  await delay(FRESH_MS)
  const arrived = (await far?.ask('freshArrived', undefined)) ?? []
  return median([...arrived, ...Array.from({ length: opened - arrived.length }, () => FRESH_MS)])
}

/** Every node open, and each with a line to whom it sends to. */
export async function connect(
  nodes: readonly NodeProcess[],
  { places }: Network,
  { traffic }: Scenario,
  transport: TransportName,
  { uplink }: MeasureOptions,
): Promise<void> {
  const addresses = await Promise.all(
    nodes.map((node, index) => node.ask('open', { transport, host: places[index]?.host ?? '', options: { uplink } })),
  )
  // One after the other: what dialling at the same instant takes is another question.
  for (const [index, node] of nodes.entries()) {
    const { bulk = [], urgent = [] } = traffic[index] ?? {}
    const peers = [...new Set([...bulk, ...urgent])]
    await node.ask(
      'dial',
      peers.map((peer) => ({ node: peer, address: addresses[peer] })),
    )
  }
}

async function each(
  nodes: readonly NodeProcess[],
  { traffic }: Scenario,
  ask: (node: NodeProcess, traffic: Scenario['traffic'][number]) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node, index) => {
      const own = traffic[index]
      if (own !== undefined && own.bulk.length + own.urgent.length > 0) await ask(node, own)
    }),
  )
}

interface Window {
  readonly seconds: number
  readonly urgent: Urgent
  readonly goodput: number
  readonly cpuSeconds: number
  readonly shaper: Measurement['shaper']
  readonly cpu: Cpu
  readonly slow: number
}

async function window(
  nodes: readonly NodeProcess[],
  network: Network,
  scenario: Scenario,
  { seconds, machine }: MeasureOptions,
  bulkBegan: number | undefined,
): Promise<Window> {
  // Outside of the span: on a small machine the processes that read them hold up everybody for a tenth of a second.
  const shapersAtBegin = readShapers(nodes, network)
  await delay(SHAPERS_READ_MS)
  const begin = { ...(await readUsage(nodes)), shapers: shapersAtBegin }
  await delay(seconds * 1_000)
  const end = { ...(await readUsage(nodes)), shapers: readShapers(nodes, network) }
  const span: Span = { from: begin.at, to: end.at }
  const sources = bulkBegan === undefined ? 0 : scenario.traffic.reduce((sum, { bulk }) => sum + bulk.length, 0)
  const { urgent, bulkBytes } = await collect(nodes, machine, { ...span, bulkBegan: bulkBegan ?? span.to }, sources)
  const processes = begin.processes.map((before, index) => ({ before, after: end.processes[index] ?? before }))
  const cpuSeconds = processes.reduce((sum, { before, after }) => sum + after.cpuSeconds - before.cpuSeconds, 0)
  const elapsed = (end.at - begin.at) / 1e3
  return {
    seconds: elapsed,
    urgent,
    goodput: (bulkBytes * 8) / elapsed,
    cpuSeconds,
    shaper: shaperBetween(begin.shapers, end.shapers, scenario),
    cpu: {
      busiestThread: Math.max(...processes.map(({ before, after }) => busiestThread(before, after))),
      ...machineShares(begin.machine, end.machine, cpuSeconds),
    },
    slow: machine.slow.shareOf(span),
  }
}

type Shapers = ReturnType<typeof readShapers>

function readShapers(nodes: readonly NodeProcess[], network: Network) {
  return nodes.map((_, index) => network.count(index))
}

async function readUsage(nodes: readonly NodeProcess[]) {
  const processes = await Promise.all(nodes.map((node) => node.ask('usage', undefined)))
  return { at: now(), processes, machine: machineUsage() }
}

/** Waits for what was under way at the end of the span, while the load goes on. */
async function collect(
  nodes: readonly NodeProcess[],
  machine: Machine,
  span: Verbs['report'],
  sources: number,
): Promise<{ urgent: Urgent; bulkBytes: number }> {
  for (;;) {
    const reports = await Promise.all(nodes.map((node) => node.ask('report', span)))
    const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0)
    const arrived = reports.flatMap(({ urgent }) => urgent)
    const missing = sum(({ dues }) => dues) - arrived.length
    const age = now() - span.to
    if ((missing > 0 || sum((report) => report.sources) < sources) && age < GRACE_MS) {
      await delay(100)
      continue
    }
    const ages = Array.from({ length: missing }, () => age)
    const p = (share: number, objects: readonly UrgentObject[]): number =>
      percentile([...objects.map(({ latency }) => latency), ...ages], share)
    const steady = arrived.filter(({ due }) => !machine.slow.isNear(due))
    return {
      urgent: { p50: p(0.5, arrived), p99: p(0.99, arrived), steadyP99: p(0.99, steady), missing },
      bulkBytes: sum(({ bulkBytes }) => bulkBytes),
    }
  }
}

function shaperBetween(begin: Shapers, end: Shapers, { traffic, link }: Scenario): Measurement['shaper'] {
  const { rate } = link
  if (rate === undefined) return undefined
  const total = { bytes: 0, frames: 0, drops: 0, possible: 0 }
  for (const [index, { bulk }] of traffic.entries()) {
    const before = begin[index]?.out
    const after = end[index]?.out
    if (bulk.length === 0 || before === undefined || after === undefined) continue
    total.bytes += after.bytes - before.bytes
    total.frames += after.frames - before.frames
    total.drops += after.drops - before.drops
    total.possible += (rate * (after.at - before.at)) / 8e3
  }
  return { share: total.bytes / total.possible, frameBytes: total.bytes / total.frames, drops: total.drops }
}

function machineShares(
  begin: MachineUsage | undefined,
  end: MachineUsage | undefined,
  own: number,
): { machine: number; others: number } {
  if (begin === undefined || end === undefined) return { machine: Number.NaN, others: Number.NaN }
  const all = end.all - begin.all
  const busy = end.busy - begin.busy
  return { machine: busy / all, others: Math.max(0, busy - own) / all }
}
