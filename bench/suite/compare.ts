import { isWarren, type LoadResult, type Metric, type Row, type SuiteResult } from './result.js'
import { areApart, ratios, type Spread, spread } from './spread.js'
import { cell } from './table.js'

/** One figure of warren beside others of its run, then and now. */
export interface Judgement {
  readonly path: string
  readonly load: string
  readonly subject: string
  readonly metric: string
  readonly verdict: 'better' | 'worse' | 'same' | 'disturbed'
  /** By the subject that it stands beside: the ratio to it, before and now. */
  readonly ratios: Readonly<Record<string, { readonly before: Spread; readonly now: Spread }>>
}

/**
 * Judges a run by an earlier one: each figure of warren by its ratios to the others of its load, round by round. It has moved where
 * most of those ratios did: beyond the spread of both runs, and by more than `MARGIN`. Absolute figures are never compared.
 */
export function compare(before: SuiteResult, now: SuiteResult): readonly Judgement[] {
  return now.loads.flatMap((load) => {
    const earlier = before.loads.find((other) => other.path === load.path && other.load === load.load)
    if (earlier === undefined) return []
    return load.rows
      .filter(({ subject }) => isWarren(subject))
      .flatMap((row) => load.metrics.flatMap((metric) => judge(load, earlier, row, metric) ?? []))
  })
}

/** For people: what moved, and how many figures did not. */
export function comparison(judgements: readonly Judgement[]): string {
  const moved = judgements.filter(({ verdict }) => verdict === 'better' || verdict === 'worse')
  const count = (verdict: Judgement['verdict']): number =>
    judgements.filter((judgement) => judgement.verdict === verdict).length
  const lines = moved.map(
    ({ path, load, subject, metric, verdict, ratios }) =>
      `${verdict}: ${path}/${load}/${subject}, ${metric}\n${Object.entries(ratios)
        .map(([other, { before, now }]) => `    to ${other}: ${cell(before)} before, ${cell(now)} now\n`)
        .join('')}`,
  )
  const summary = `${count('worse')} worse, ${count('better')} better, ${count('same')} the same, ${count('disturbed')} not judged since a round was disturbed\n`
  return `\nBeside the earlier run:\n${lines.join('')}${summary}`
}

function judge(load: LoadResult, earlier: LoadResult, row: Row, metric: Metric): Judgement | undefined {
  const rowBefore = earlier.rows.find(({ subject }) => subject === row.subject)
  if (rowBefore === undefined) return undefined
  const sides = metric.isRatio ? [row] : peersOf(load, row)
  const compared = sides.flatMap((side) => {
    const sideBefore = earlier.rows.find(({ subject }) => subject === side.subject)
    if (sideBefore === undefined) return []
    const isDisturbed = [row, rowBefore, side, sideBefore].some((each) => each.disturbed > 0)
    const of = (own: Row, other: Row): Spread =>
      spread(metric.isRatio ? values(own, metric) : ratiosOf(own, other, metric))
    return [{ side: side.subject, isDisturbed, before: of(rowBefore, sideBefore), now: of(row, side) }]
  })
  if (compared.length === 0) return undefined
  const moves = compared.filter(({ isDisturbed }) => !isDisturbed).map(({ before, now }) => move(before, now, metric))
  const most = (verdict: string): boolean => moves.filter((each) => each === verdict).length > moves.length / 2
  const moved = most('worse') ? 'worse' : most('better') ? 'better' : 'same'
  return {
    path: load.path,
    load: load.load,
    subject: row.subject,
    metric: metric.name,
    verdict: moves.length === 0 ? 'disturbed' : moved,
    ratios: Object.fromEntries(compared.map(({ side, before, now }) => [side, { before, now }])),
  }
}

/** The foreign rows of a load; where there are none, the first one of its own. */
function peersOf({ rows }: LoadResult, row: Row): readonly Row[] {
  const foreign = rows.filter(({ subject }) => !isWarren(subject))
  return foreign.length > 0 ? foreign : rows.slice(0, 1).filter((first) => first !== row)
}

function move(before: Spread, now: Spread, { better }: Metric): Judgement['verdict'] {
  const change = now.median / before.median
  if (!areApart(before, now) || (change < 1 + MARGIN && change > 1 / (1 + MARGIN))) return 'same'
  return change > 1 === (better === 'higher') ? 'better' : 'worse'
}

function values(row: Row, { name }: Metric): readonly number[] {
  return row.values[name] ?? []
}

function ratiosOf(own: Row, other: Row, metric: Metric): readonly number[] {
  return ratios(values(own, metric), values(other, metric))
}

/**
 * Two times five rounds of the same code have ranges that do not meet in one case of 126 by chance, and a run judges some hundred
 * figures: a difference must be larger than that, too.
 */
const MARGIN = 0.1
