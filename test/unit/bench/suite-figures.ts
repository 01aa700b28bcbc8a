import type { LoadResult, SuiteResult } from '../../../bench/suite/result.js'

/** A run of one load: rows of the given figures, by subject. */
export function run(rows: Readonly<Record<string, readonly number[]>>, load: Partial<LoadResult> = {}): SuiteResult {
  const result: LoadResult = {
    path: 'loopback',
    load: 'stream',
    title: 'one stream',
    metrics: [{ name: 'goodput', unit: 'Gbit/s', better: 'higher' }],
    rows: Object.entries(rows).map(([subject, goodput]) => ({ subject, values: { goodput }, disturbed: 0 })),
    ...load,
  }
  return {
    format: 1,
    began: '2026-01-01T00:00:00.000Z',
    seconds: 60,
    rounds: 3,
    windowMs: 1_000,
    machine: {
      processors: 2,
      model: 'A & B <C>',
      system: 'Linux 6',
      memoryGiB: 8,
      loadAverage: 0.1,
      others: 0.02,
      stolen: 0,
    },
    versions: { warren: '0.1.0', Node: '20.19.0' },
    leftOut: ['boringtun-cli: no network'],
    loads: [result],
  }
}
