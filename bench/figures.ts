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
  const lines = figures.map(({ name, metric, value, unit }) => [name, metric, format(value), unit].join('\t'))
  process.stdout.write(`${title}\n${rows.join('\n')}\n\n${lines.join('\n')}\n\n`)
}

/** The smallest value that at least `share` of `values` do not exceed; NaN when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Three or four significant digits, without an exponent. */
function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
