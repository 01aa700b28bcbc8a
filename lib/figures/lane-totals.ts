import type { Outcome } from '../driver.js'
import type { LaneFigures } from '../generated/objects.js'
import { NO_OUTCOMES, OUTCOMES } from '../outbox/outcomes.js'
import { LateMap } from '../waiting/late-map.js'
import { LateSet } from '../waiting/late-set.js'
import { joinLanes, type LaneStats, type OutboxFigures } from './lane-stats.js'

/** A connection whose lanes count. */
export interface LaneSource {
  outboxLanes(): Iterable<OutboxFigures>
}

/** The lanes of a peer or a device: of its connections, past ones included, so that no counter ever goes back. */
export class LaneTotals {
  readonly #whole: LaneTotals | undefined
  readonly #live = new LateSet<LaneSource>()
  /** Outcomes of messages of past connections, by priority. */
  readonly #past = new LateMap<number, Record<Outcome, number>>()

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
    this.#live.delete(source)
    for (const { priority, outcomes } of source.outboxLanes()) {
      const past = this.#past.get(priority) ?? { ...NO_OUTCOMES }
      for (const outcome of OUTCOMES) past[outcome] += outcomes[outcome]
      this.#past.set(priority, past)
    }
    this.#whole?.ended(source)
  }

  /** `engine`: what the engine knows of the same lanes, past ones included. */
  now(engine: Iterable<LaneFigures>, now: number): readonly LaneStats[] {
    return joinLanes(engine, this.#outboxes(), now)
  }

  *#outboxes(): Iterable<OutboxFigures> {
    for (const [priority, outcomes] of this.#past)
      yield { priority, outcomes, waitingMessages: 0, waitingBytes: 0, first: undefined }
    for (const source of this.#live) yield* source.outboxLanes()
  }
}
