import type { LoadResult, Metric, Row, SuiteResult } from './result.js'
import { ratios, type Spread, spread } from './spread.js'

/** For people: each figure as its median with the least and the most, and what the first row is of it. */
export function table({ path, title, metrics, rows }: LoadResult): string {
  const [own] = rows
  const [headline] = metrics
  if (own === undefined || headline === undefined) return `\n${title}, ${path}: nothing was measured\n`
  const head = [
    `\n${title}, ${path}`,
    `${''.padEnd(NAME)}${metrics.map(({ unit }) => unit.padStart(CELL)).join('')}${`${own.subject} to it`.padStart(RATIO)}`,
  ]
  const lines = rows.map((row) => {
    const cells = metrics.map((metric) => cell(spread(row.values[metric.name] ?? [])).padStart(CELL))
    const ratio = row === own ? '' : cell(ratioOf(own, row, headline))
    return `${`${row.subject}${row.disturbed > 0 ? ` *${row.disturbed}` : ''}`.padEnd(NAME)}${cells.join('')}${ratio.padStart(RATIO)}`
  })
  return `${[...head, ...lines].join('\n')}\n`
}

/** Ratios of the same round. */
export function ratioOf(own: Row, other: Row, { name }: Metric): Spread {
  return spread(ratios(own.values[name] ?? [], other.values[name] ?? []))
}

export function cell({ median, low, high }: Spread): string {
  return `${number(median)} (${number(low)}–${number(high)})`
}

/** Three significant digits. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}

/** The machine, the versions, and what is missing. */
export function preface({ machine, versions, rounds, windowMs, seconds, began, leftOut }: SuiteResult): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  return [
    `${machine.processors} × ${machine.model}, ${machine.system}, ${machine.memoryGiB} GiB; load average ${machine.loadAverage.toFixed(2)} at the start`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${began}: medians of ${rounds} rounds of ${windowMs / 1e3} s, taken in turn (least–most); ${Math.round(seconds)} s in all`,
    `Meanwhile other work took ${percent(machine.others)} of the processors, the host ${percent(machine.stolen)}. *N: so many rounds had too much of either.`,
    ...leftOut.map((text) => `left out: ${text}`),
    '',
  ].join('\n')
}

const NAME = 30
const CELL = 26
const RATIO = 28
