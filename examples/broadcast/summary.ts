import type { Check, Verdict } from './check.js'
import type { Member } from './network.js'
import type { Kind } from './objects.js'
import type { Options } from './options.js'
import { percentile } from './percentile.js'
import type { LaneRow } from './report.js'
import { measuredSeconds, phaseAt } from './schedule.js'
import { milliseconds } from './table.js'
import { VERSIONS } from './versions.js'

/** What `--json` prints. Latencies are in milliseconds, from the instant an object was due to the instant a node had it. */
export interface Summary {
  readonly ok: boolean
  readonly nodes: number
  readonly seconds: number
  readonly published: { readonly bulk: number; readonly urgent: number }
  readonly owed: number
  readonly delivered: number
  readonly lost: number
  readonly corrupt: number
  readonly withPriorities: Figures
  readonly withoutPriorities: Figures
  /** In the lane of urgent objects, and in that of bulk, at the median node. */
  readonly lanes: { readonly urgent: LaneRow; readonly bulk: LaneRow }
  /** Of the last part of the run, when all nodes went over to the second version of the protocol, one after the other. */
  readonly upgrade: Upgrade
  readonly cpuSeconds: number
  readonly memoryBytes: number
  readonly crashed: readonly string[]
}

interface Upgrade {
  /** Live connections at the end, and those of them in the second version. */
  readonly connections: number
  readonly moved: number
  /** Objects that a neighbour gave twice. */
  readonly doubled: number
  /** The longest time for which two nodes that were connected, and both up, were not. */
  readonly gapMs: number
}

/** One of the two kinds of phase. */
interface Figures {
  readonly urgent50: number | undefined
  readonly urgent99: number | undefined
  readonly bulk50: number | undefined
  /** Bulk that a node received, in bits per second: the load was the same. */
  readonly bulkBitsPerSecond: number
}

/** `start` is when the run began, on the clock of `clock.ts`. */
export function summarise(
  options: Options,
  start: number,
  check: Check,
  verdict: Verdict,
  members: readonly Member[],
  crashed: readonly string[],
  upgrade: Pick<Upgrade, 'doubled' | 'gapMs'>,
): Summary {
  const published = { bulk: 0, urgent: 0 }
  const samples = { true: newSamples(), false: newSamples() }
  for (const { object, latencies } of check.arrivals()) {
    published[object.kind] += 1
    const { index, prioritised } = phaseAt((object.due - start) / 1_000, options.seconds)
    if (index < 0) continue
    const phase = samples[`${prioritised}`]
    for (const latency of latencies) phase[object.kind].push(latency)
    if (object.kind === 'bulk') phase.bulkBytes += object.bytes * latencies.length
  }
  const figures = ({ urgent, bulk, bulkBytes }: Samples): Figures => ({
    urgent50: percentile(urgent, 0.5),
    urgent99: percentile(urgent, 0.99),
    bulk50: percentile(bulk, 0.5),
    bulkBitsPerSecond: (bulkBytes * 8) / measuredSeconds(options.seconds) / options.nodes,
  })
  return {
    ok: verdict.lost.length + verdict.corrupt.length + upgrade.doubled + crashed.length === 0,
    nodes: options.nodes,
    seconds: options.seconds,
    published,
    owed: verdict.owed,
    delivered: verdict.delivered,
    lost: verdict.lost.length,
    corrupt: verdict.corrupt.length,
    withPriorities: figures(samples.true),
    withoutPriorities: figures(samples.false),
    lanes: { urgent: usualWait(members, 'urgent'), bulk: usualWait(members, 'bulk') },
    upgrade: { ...upgrade, ...moved(members) },
    cpuSeconds: members.reduce((sum, { row }) => sum + (row?.cpuSeconds ?? 0), 0),
    memoryBytes: Math.max(...members.map(({ row }) => row?.memory ?? 0)),
    crashed,
  }
}

function moved(members: readonly Member[]): Pick<Upgrade, 'connections' | 'moved'> {
  const speaks = members.flatMap(({ state, row }) => (state === 'killed' || row === undefined ? [] : [row.speaks]))
  const count = (protocols: readonly string[]): number =>
    speaks.reduce((sum, each) => sum + protocols.reduce((part, name) => part + (each[name] ?? 0), 0), 0) / 2
  return { connections: count(VERSIONS), moved: count(VERSIONS.slice(1)) }
}

function usualWait(members: readonly Member[], kind: Kind): LaneRow {
  const rows = members.flatMap(({ row }) => (row?.lanes[kind].waited99 === undefined ? [] : [row.lanes[kind]]))
  const sorted = rows.sort((a, b) => (a.waited99 ?? 0) - (b.waited99 ?? 0))
  return sorted[Math.floor(sorted.length / 2)] ?? { waited50: undefined, waited99: undefined }
}

interface Samples {
  readonly urgent: number[]
  readonly bulk: number[]
  bulkBytes: number
}

function newSamples(): Samples {
  return { urgent: [], bulk: [], bulkBytes: 0 }
}

function comparison(urgent: number | undefined, shared: number | undefined): string[] {
  if (urgent === undefined || shared === undefined || shared < 2 * urgent) return []
  return [`Under the same load, priorities make urgent p99 ${Math.round(shared / urgent)} times shorter.`]
}

function wait({ waited50, waited99 }: LaneRow): string {
  return `${milliseconds(waited50)} ms (p50), ${milliseconds(waited99)} ms (p99)`
}

/** The summary for people. */
export function format(summary: Summary): string {
  const { withPriorities, withoutPriorities, published } = summary
  const count = (value: number): string => value.toLocaleString('en')
  const row = (name: string, { urgent50, urgent99, bulk50, bulkBitsPerSecond }: Figures): string =>
    [
      name.padEnd(30),
      `${milliseconds(urgent50)} ms`.padStart(14),
      `${milliseconds(urgent99)} ms`.padStart(14),
      `${milliseconds(bulk50)} ms`.padStart(14),
      `${(bulkBitsPerSecond / 1e6).toFixed(1)} Mbit/s`.padStart(18),
    ].join('')
  const lines = [
    `${''.padEnd(30)}${'urgent p50'.padStart(14)}${'urgent p99'.padStart(14)}${'bulk p50'.padStart(14)}${'bulk, each node'.padStart(18)}`,
    row('with priorities', withPriorities),
    row('urgent at the bulk’s priority', withoutPriorities),
    ...comparison(withPriorities.urgent99, withoutPriorities.urgent99),
    '',
    `in its lane an urgent object waited ${wait(summary.lanes.urgent)} before it began to leave; bulk ${wait(summary.lanes.bulk)}`,
    '',
    `published   ${count(published.bulk)} bulk and ${count(published.urgent)} urgent objects`,
    `delivered   ${count(summary.delivered)} of ${count(summary.owed)} owed`,
    `lost        ${count(summary.lost)}`,
    `corrupt     ${count(summary.corrupt)}`,
    `upgraded    ${summary.upgrade.moved} of ${summary.upgrade.connections} connections, ${summary.upgrade.doubled} objects doubled, at most ${milliseconds(summary.upgrade.gapMs)} ms without one`,
    `CPU         ${summary.cpuSeconds.toFixed(1)} s in all processes`,
    `memory      ${Math.round(summary.memoryBytes / 1e6)} MB in the largest`,
    ...summary.crashed.map((crash) => `crashed     ${crash}`),
    '',
    summary.ok ? 'Every node has every object that it is owed, unaltered.' : 'FAILED.',
  ]
  return lines.join('\n')
}
