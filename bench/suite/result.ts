/** Where packets go: this machine's loopback, or a veth pair of 1,500 bytes between two network namespaces. */
export type PathName = 'loopback' | 'veth'

/** Of one load: its unit, and which way is better. */
export interface Metric {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** Whether it is a ratio of two figures of one window already. */
  readonly isRatio?: boolean
}

/** A load over one path, as several subjects did it in turn. The first metric is the headline. */
export interface LoadResult {
  readonly path: PathName
  readonly load: string
  readonly title: string
  readonly metrics: readonly Metric[]
  readonly rows: readonly Row[]
}

export interface Row {
  readonly subject: string
  /** By metric, one value a round. */
  readonly values: Readonly<Record<string, readonly number[]>>
  /** Rounds during which other work or the host took more of the processors than `machine.ts` allows. */
  readonly disturbed: number
}

/** What a whole run says; the file that `--json` writes and `--compare` reads. */
export interface SuiteResult {
  readonly format: 1
  readonly began: string
  readonly seconds: number
  readonly rounds: number
  readonly windowMs: number
  readonly machine: MachineFacts
  readonly versions: Readonly<Record<string, string>>
  /** What could not be measured, each with the reason. */
  readonly leftOut: readonly string[]
  readonly loads: readonly LoadResult[]
}

export interface MachineFacts {
  readonly processors: number
  readonly model: string
  readonly system: string
  readonly memoryGiB: number
  /** The load average of a minute when the run began. */
  readonly loadAverage: number
  /** Over the whole run, of all processors: work of other processes, and time that the host took. */
  readonly others: number
  readonly stolen: number
}

/** Whether a row is of this package, in one of its ways. */
export function isWarren(subject: string): boolean {
  return subject === 'warren' || subject.startsWith('warren, ')
}
