import { setTimeout as delay } from 'node:timers/promises'
import { type Figure, line, median, percentile } from '../figures.js'
import { connect, type MeasureOptions } from './measure.js'
import { NodeProcess } from './node-process.js'
import { now } from './now.js'
import type { Scenario } from './scenario.js'
import type { TransportName } from './transports/table.js'
import type { AfterCancel } from './verbs.js'

const OBJECT_BYTES = 64 * 1024 * 1024
/** Of the 5.5 s that the object takes at 100 Mbit/s. */
const CANCEL_AFTER_MS = 2_500

export interface Cancelled extends AfterCancel {
  /** Twice what an urgent object took one way while the object was under way, in milliseconds. */
  readonly roundTrip: number
}

/** Gives an object up half-way, once. */
export async function measureCancel(
  scenario: Scenario,
  transport: TransportName,
  options: MeasureOptions,
): Promise<Cancelled> {
  const network = await scenario.build(options.congestionControl)
  const nodes = network.places.map((place) => new NodeProcess(place))
  const [near, far] = nodes as [NodeProcess, NodeProcess]
  try {
    await connect(nodes, network, scenario, transport, options)
    await near.ask('urgent', { to: [1] })
    await near.ask('object', { to: 1, length: OBJECT_BYTES })
    const begin = now()
    await delay(CANCEL_AFTER_MS)
    await near.ask('stopUrgent', undefined)
    const after = await near.ask('cancel', undefined)
    const { urgent } = await far.ask('report', { from: begin, to: now(), bulkBegan: begin })
    return {
      ...after,
      roundTrip:
        2 *
        percentile(
          urgent.map(({ latency }) => latency),
          0.5,
        ),
    }
  } finally {
    await Promise.all(nodes.map((node) => node.end()))
    await network.close()
  }
}

export interface CancelResult extends Cancelled {
  readonly transport: TransportName
  readonly name: string
}

export function combineCancelled(
  scenario: Scenario,
  transport: TransportName,
  measured: readonly Cancelled[],
): CancelResult {
  const of = (value: (each: Cancelled) => number): number => median(measured.map(value))
  return {
    transport,
    name: `priority/${transport}/${scenario.name}`,
    bytes: of(({ bytes }) => bytes),
    stopped: of(({ stopped }) => stopped),
    roundTrip: of(({ roundTrip }) => roundTrip),
  }
}

export function cancelLines(results: readonly CancelResult[]): string {
  return results
    .flatMap(({ name, bytes, stopped, roundTrip }): readonly Figure[] => [
      { name, metric: 'cancel_stopped', value: stopped, unit: 'ms' },
      { name, metric: 'cancel_bytes', value: bytes / 1e3, unit: 'kB' },
      { name, metric: 'round_trip', value: roundTrip, unit: 'ms' },
    ])
    .map((figure) => `${line(figure)}\n`)
    .join('')
}

export function cancelTable(scenario: Scenario, results: readonly CancelResult[]): string {
  const rows = results.map(({ transport, bytes, stopped, roundTrip }) => {
    const cells = [stopped.toFixed(2), (bytes / 1e3).toFixed(1), roundTrip.toFixed(1)]
    return `${transport.padEnd(14)}${cells.map((cell) => cell.padStart(17)).join('')}`
  })
  const head = `${' '.repeat(14)}${['stopped, ms', 'sent since, kB', 'round trip, ms'].map((cell) => cell.padStart(17)).join('')}`
  return `\n${scenario.name}: ${scenario.question}\n${head}\n${rows.join('\n')}\n\n`
}
