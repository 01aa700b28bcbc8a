import type { LoadResult, PathName, Row, SuiteResult } from './result.js'
import { ratios, type Spread, spread } from './spread.js'

/** Looks figures of a run up, for the documents. What was not measured is NaN. */
export class FiguresOf {
  readonly #result: SuiteResult

  constructor(result: SuiteResult) {
    this.#result = result
  }

  /** A metric of a subject, over the rounds. */
  value(path: PathName, load: string, subject: string, metric: string): Spread {
    return spread(this.#row(path, load, subject)?.values[metric] ?? [])
  }

  /** The same to another subject's, round by round. */
  ratio(path: PathName, load: string, subject: string, other: string, metric: string): Spread {
    const [own, base] = [this.#row(path, load, subject), this.#row(path, load, other)]
    return spread(ratios(own?.values[metric] ?? [], base?.values[metric] ?? []))
  }

  load(path: PathName, load: string): LoadResult | undefined {
    return this.#result.loads.find((each) => each.path === path && each.load === load)
  }

  #row(path: PathName, load: string, subject: string): Row | undefined {
    return this.load(path, load)?.rows.find((row) => row.subject === subject)
  }
}
