import { type LaneStats, pastLanes, sumLanes } from './lane-stats.js'

/** A connection whose lanes count. */
export interface LaneSource {
  lanes(): readonly LaneStats[]
}

/** The lanes of a peer or a device: of its connections, past ones included, so that no counter ever goes back. */
export class LaneTotals {
  readonly #whole: LaneTotals | undefined
  readonly #live = new Set<LaneSource>()
  #past: readonly LaneStats[] = []

  /** `whole`: what this is a part of. */
  constructor(whole?: LaneTotals) {
    this.#whole = whole
  }

  add(source: LaneSource): void {
    this.#live.add(source)
    this.#whole?.add(source)
  }

  /** The connection is over, and its figures final. */
  ended(source: LaneSource): void {
    const last = pastLanes(source.lanes())
    this.keep(source, last)
    this.#whole?.keep(source, last)
  }

  /** The same, with figures that were already taken. */
  keep(source: LaneSource, last: readonly LaneStats[]): void {
    this.#live.delete(source)
    this.#past = sumLanes([this.#past, last])
  }

  now(): readonly LaneStats[] {
    return sumLanes([this.#past, ...Array.from(this.#live, (source) => source.lanes())])
  }
}
