import { median } from '../figures.js'

/** What several rounds of one figure say together. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function spread(values: readonly number[]): Spread {
  const known = values.filter(Number.isFinite)
  return { median: median(known), low: least(known), high: -least(known.map((value) => -value)) }
}

/** The ratios of values of the same round: what drifts meets both. */
export function ratios(values: readonly number[], others: readonly number[]): readonly number[] {
  return values.map((value, round) => value / (others[round] ?? Number.NaN)).filter(Number.isFinite)
}

export function areApart(one: Spread, other: Spread): boolean {
  return one.high < other.low || other.high < one.low
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), values[0] ?? Number.NaN)
}
