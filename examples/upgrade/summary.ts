import type { Check, Verdict } from '../broadcast/check.js'
import { percentile } from '../broadcast/percentile.js'
import { milliseconds } from '../broadcast/table.js'

/** What `--json` prints. Times are in milliseconds. */
export interface UpgradeSummary {
  readonly ok: boolean
  /** Objects that a node is owed and never got. */
  readonly lost: number
  /** Objects that a neighbour gave twice. */
  readonly doubled: number
  /** The longest time for which two nodes that were connected, and both up, were not. */
  readonly gapMs: number
  readonly urgentP99: {
    readonly before: number | undefined
    readonly during: number | undefined
    readonly after: number | undefined
  }
  readonly published: number
  readonly delivered: number
  readonly crashed: readonly string[]
}

/** `from` and `to` are when the nodes rolled. */
export function summarise(
  check: Check,
  verdict: Verdict,
  roll: { readonly from: number; readonly to: number },
  seen: { readonly doubled: number; readonly gapMs: number; readonly crashed: readonly string[] },
): UpgradeSummary {
  const urgent: Record<keyof UpgradeSummary['urgentP99'], number[]> = { before: [], during: [], after: [] }
  let published = 0
  for (const { object, latencies } of check.arrivals()) {
    published += 1
    if (object.kind !== 'urgent') continue
    const when = object.due < roll.from ? 'before' : object.due < roll.to ? 'during' : 'after'
    for (const latency of latencies) urgent[when].push(latency)
  }
  const p99 = (values: readonly number[]): number | undefined => percentile(values, 0.99)
  return {
    ok: verdict.lost.length === 0 && verdict.corrupt.length === 0 && seen.doubled === 0 && seen.crashed.length === 0,
    lost: verdict.lost.length,
    ...seen,
    urgentP99: { before: p99(urgent.before), during: p99(urgent.during), after: p99(urgent.after) },
    published,
    delivered: verdict.delivered,
  }
}

/** The summary for people. */
export function format(summary: UpgradeSummary): string {
  const { before, during, after } = summary.urgentP99
  return [
    `lost        ${summary.lost} of ${(summary.lost + summary.delivered).toLocaleString('en')} owed`,
    `doubled     ${summary.doubled}`,
    `gap         ${milliseconds(summary.gapMs)} ms at most between two nodes that were both up`,
    `urgent p99  ${milliseconds(before)} ms before, ${milliseconds(during)} ms during, ${milliseconds(after)} ms after`,
    ...summary.crashed.map((crash) => `crashed     ${crash}`),
    '',
    summary.ok ? 'The network went to the new version and back, and nobody noticed.' : 'FAILED.',
  ].join('\n')
}
