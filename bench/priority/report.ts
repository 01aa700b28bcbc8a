import { type Figure, line } from '../figures.js'
import { FRESH_MS } from './load.js'
import type { Result } from './result.js'
import type { Scenario } from './scenario.js'

/** Those of a result; none where the processors were the limit of what is named after a link. */
export function figuresOf({ name, medians, cpuBound, runs, slow }: Result): readonly Figure[] {
  const figure = (metric: string, value: number, unit: string): Figure => ({ name, metric, value, unit })
  const bound = cpuBound === undefined ? [] : [figure('cpu_bound_runs', cpuBound.runs / runs, 'ratio')]
  if (medians === undefined) return bound
  return [
    figure('urgent_idle_p50', medians.urgentIdleP50, 'ms'),
    figure('urgent_idle_p99', medians.urgentIdleP99, 'ms'),
    figure('urgent_loaded_p50', medians.urgentLoadedP50, 'ms'),
    figure('urgent_loaded_p99', medians.urgentLoadedP99, 'ms'),
    ...(slow > SLOW_TOLD
      ? [
          figure('machine_slow', slow, 'ratio'),
          figure('urgent_idle_p99_steady', medians.steadyIdleP99, 'ms'),
          figure('urgent_loaded_p99_steady', medians.steadyLoadedP99, 'ms'),
        ]
      : []),
    figure('bulk_goodput', medians.bulkGoodput / 1e6, 'Mbit/s'),
    ...(medians.linkCapacity === undefined ? [] : [figure('link_capacity', medians.linkCapacity / 1e6, 'Mbit/s')]),
    ...(medians.linkUsed === undefined ? [] : [figure('link_used', medians.linkUsed, 'ratio')]),
    figure('cpu_per_gb', medians.cpuPerGigabyte, 's/GB'),
    ...(medians.freshStream === undefined ? [] : [figure('fresh_stream', medians.freshStream, 'ms')]),
    ...bound,
  ]
}

/** For programs: name, metric, value and unit with tabs between. */
export function lines(results: readonly Result[]): string {
  return results
    .flatMap(figuresOf)
    .map((figure) => `${line(figure)}\n`)
    .join('')
}

/** For people. */
export function table(scenario: Scenario, results: readonly Result[]): string {
  const head = [
    `\n${scenario.name}: ${scenario.question}`,
    `${' '.repeat(14)}   urgent idle, ms   urgent loaded, ms      bulk  of the link's    CPU`,
    `${' '.repeat(14)}      p50      p99      p50      p99     Mbit/s   capacity   s/GB`,
  ]
  return `${[...head, ...results.map(row), ...results.flatMap(notes)].join('\n')}\n\n`
}

function row({ transport, medians, cpuBound, runs }: Result): string {
  const name = transport.padEnd(14)
  if (runs === 0) return `${name}  no figures: every run failed`
  if (medians === undefined) {
    const thread = percent(cpuBound?.busiestThread)
    return `${name}  no figures: the processors were the limit (busiest thread ${thread}, all ${percent(cpuBound?.machine)})`
  }
  const share = medians.linkCapacity === undefined ? '-' : percent(medians.bulkGoodput / medians.linkCapacity)
  return [
    name,
    number(medians.urgentIdleP50),
    number(medians.urgentIdleP99),
    number(medians.urgentLoadedP50),
    number(medians.urgentLoadedP99),
    number(medians.bulkGoodput / 1e6).padStart(11),
    share.padStart(11),
    number(medians.cpuPerGigabyte).padStart(7),
  ].join('')
}

function notes({ transport, medians, cpuBound, runs, others, slow, missing }: Result): readonly string[] {
  return [
    ...(medians !== undefined && cpuBound !== undefined
      ? [`  ${transport}: ${cpuBound.runs} of ${runs} runs left out, in which the processors were the limit`]
      : []),
    ...(others > OTHERS_TOLD
      ? [`  ${transport}: other work took up to ${percent(others)} of the processors meanwhile`]
      : []),
    ...(slow > SLOW_TOLD && medians !== undefined
      ? [
          `  ${transport}: the machine itself was slow for ${percent(slow)} of the time; p99 of what was not due close to that: ` +
            `${number(medians.steadyIdleP99).trim()} ms idle, ${number(medians.steadyLoadedP99).trim()} ms loaded`,
        ]
      : []),
    ...(medians?.freshStream === undefined
      ? []
      : [
          `  ${transport}: on a stream opened for it under load, an urgent object arrives after ${fresh(medians.freshStream)}`,
        ]),
    ...(missing > 0
      ? [`  ${transport}: ${missing} urgent objects had not arrived seconds later; they count with that age`]
      : []),
  ]
}

function fresh(ms: number): string {
  return ms >= FRESH_MS ? `more than ${FRESH_MS / 1e3} s` : `${ms.toFixed(0)} ms`
}

/** Less of other work than this is not worth a line. */
const OTHERS_TOLD = 0.1

/** Less than the hundredth that a p99 leaves out does not make it. */
const SLOW_TOLD = 0.005

function number(value: number): string {
  return (value >= 100 ? value.toFixed(0) : value.toPrecision(3)).padStart(9)
}

function percent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '?' : `${(share * 100).toFixed(1)} %`
}
