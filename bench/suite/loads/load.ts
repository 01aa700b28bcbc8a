import type { Subject } from '../pair.js'
import type { Site } from '../paths.js'
import type { Metric } from '../result.js'

/** A question of the suite: some work that several subjects do in turn. */
export interface Load {
  readonly name: string
  readonly title: string
  /** The first is the headline. */
  readonly metrics: readonly Metric[]
  /** Brings one of the subjects up to where it can be measured again and again. */
  start(subject: Subject, site: Site, settings: Settings): Promise<Running>
}

export interface Settings {
  readonly windowMs: number
  /** Before a window, for what a beginning costs: slow start, the search for the packet size. */
  readonly rampMs: number
  readonly isQuick: boolean
}

export interface Running {
  /** All processes that work for it. */
  readonly pids: readonly number[]
  /** One window: a value for each metric. */
  measure(): Promise<Sample>
  close(): Promise<void>
}

export type Sample = Readonly<Record<string, number>>
