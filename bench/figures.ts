/** One measured number. */
export interface Figure {
  readonly name: string
  readonly metric: string
  readonly value: number
  readonly unit: string
}

/** A table for people, then one line per figure for programs: name, metric, value and unit with tabs between. */
export function print(title: string, figures: readonly Figure[]): void {
  const rows = figures.map(({ metric, value, unit }) => `  ${metric.padEnd(24)}${format(value).padStart(12)} ${unit}`)
  process.stdout.write(`${title}\n${rows.join('\n')}\n\n${figures.map(line).join('\n')}\n\n`)
}

/** For programs: name, metric, value and unit with tabs between. */
export function line({ name, metric, value, unit }: Figure): string {
  return [name, metric, format(value), unit].join('\t')
}

/** The smallest value that at least `share` of `values` do not exceed; NaN when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The middle one, or the mean of the middle two; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Three or four significant digits, without an exponent. */
function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
