import { median } from '../figures.js'
import type { Measurement } from './measure.js'
import type { Scenario } from './scenario.js'
import type { TransportName } from './transports/table.js'

/** What the runs of one scenario over one transport say together. */
export interface Result {
  readonly name: string
  readonly scenario: Scenario
  readonly transport: TransportName
  readonly runs: number
  /** Medians over the runs in which the link was the limit; undefined: there was none. */
  readonly medians: Medians | undefined
  /** Runs left out since the processors were the limit, and how busy those were. */
  readonly cpuBound: { readonly runs: number; readonly busiestThread: number; readonly machine: number } | undefined
  /** The largest share of all processors that other work took in a run. */
  readonly others: number
  /** The median over the runs of the share of time in which the machine itself was slow. */
  readonly slow: number
  readonly missing: number
}

/** Times in milliseconds, rates in bits per second. */
export interface Medians {
  readonly urgentIdleP50: number
  readonly urgentIdleP99: number
  readonly urgentLoadedP50: number
  readonly urgentLoadedP99: number
  /** The same of what was due while the machine was not slow. */
  readonly steadyIdleP99: number
  readonly steadyLoadedP99: number
  readonly bulkGoodput: number
  readonly linkCapacity: number | undefined
  readonly linkUsed: number | undefined
  readonly cpuPerGigabyte: number
  readonly freshStream: number | undefined
}

/** Below this share of its rate a shaper is not what limits. */
const SATURATED = 0.9
/** From this share of a core on a thread, and of all cores the machine, has nothing left. */
const EXHAUSTED = 0.95

export function combine(scenario: Scenario, transport: TransportName, measured: readonly Measurement[]): Result {
  const valid = measured.filter((each) => !isCpuBound(each))
  const bound = measured.filter(isCpuBound)
  return {
    name: `priority/${transport}/${scenario.name}`,
    scenario,
    transport,
    runs: measured.length,
    medians: valid.length > measured.length / 2 ? medians(valid) : undefined,
    cpuBound:
      bound.length === 0
        ? undefined
        : {
            runs: bound.length,
            busiestThread: median(bound.map(({ cpu }) => cpu.busiestThread)),
            machine: median(bound.map(({ cpu }) => cpu.machine)),
          },
    others: Math.max(0, ...measured.map(({ cpu }) => cpu.others)),
    slow: median(measured.map(({ slow }) => slow)),
    missing: measured.reduce((sum, { idle, loaded }) => sum + idle.missing + loaded.missing, 0),
  }
}

/** Whether a figure of this run would say how fast the processors are, under the name of a link. */
function isCpuBound({ shaper, cpu }: Measurement): boolean {
  if (shaper === undefined) return false
  return shaper.share < SATURATED && (cpu.busiestThread > EXHAUSTED || cpu.machine > EXHAUSTED)
}

function medians(measured: readonly Measurement[]): Medians {
  const of = (value: (each: Measurement) => number): number => median(measured.map(value))
  const linkCapacity = measured[0]?.linkCapacity
  return {
    urgentIdleP50: of(({ idle }) => idle.p50),
    urgentIdleP99: of(({ idle }) => idle.p99),
    urgentLoadedP50: of(({ loaded }) => loaded.p50),
    urgentLoadedP99: of(({ loaded }) => loaded.p99),
    steadyIdleP99: of(({ idle }) => idle.steadyP99),
    steadyLoadedP99: of(({ loaded }) => loaded.steadyP99),
    bulkGoodput: of(({ bulkGoodput }) => bulkGoodput),
    linkCapacity,
    linkUsed: linkCapacity === undefined ? undefined : of(({ shaper }) => shaper?.share ?? Number.NaN),
    cpuPerGigabyte: of(({ cpuPerGigabyte }) => cpuPerGigabyte),
    freshStream:
      measured[0]?.freshStream === undefined ? undefined : of(({ freshStream }) => freshStream ?? Number.NaN),
  }
}
