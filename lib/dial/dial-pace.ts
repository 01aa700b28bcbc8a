import type { DriverClose } from '../driver.js'
import type { Clock } from '../waiting/clock.js'

/** End of one attempt of a dial: as its driver told, or before it began, since no name of the peer resolved. */
export type AttemptEnd = DriverClose | 'unresolved'

/** Decides when the attempts of one dial follow each other, and which ending is the last. */
export class DialPace {
  readonly #clock: Clock
  #began = 0
  /** Attempts in a row that ended sooner than the longest pause. */
  #hurried = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(): void {
    this.#began = this.#clock.now()
  }

  /** Milliseconds until the next attempt, or `undefined` where no later one can fare better. */
  after(end: AttemptEnd): number | undefined {
    const isHurried = end === 'unresolved' || this.#clock.now() - this.#began < LONGEST_PAUSE
    this.#hurried = isHurried ? this.#hurried + 1 : 0
    switch (sequelOf(end)) {
      case 'fail':
        return undefined
      case 'survivor':
        return SURVIVOR_PAUSE
      case 'at once':
        return this.#pause(this.#hurried - 1, LONGEST_PAUSE)
      case 'pause':
        return this.#pause(Math.max(1, this.#hurried), LONGEST_PAUSE)
      case 'look again':
        return this.#pause(Math.max(1, this.#hurried), LONGEST_LOOKUP_PAUSE)
    }
  }

  /** At random in the upper half of a bound that doubles. */
  #pause(step: number, longest: number): number {
    if (step <= 0) return 0
    const bound = Math.min(longest, FIRST_PAUSE * 2 ** (step - 1))
    return (bound * (1 + this.#clock.random())) / 2
  }
}

type Sequel = 'at once' | 'pause' | 'look again' | 'survivor' | 'fail'

function sequelOf(end: AttemptEnd): Sequel {
  if (end === 'unresolved') return 'look again'
  // This end's application was closing the live connection that the driver had: the next attempt finds none.
  if (end.by === 'local' && end.cause === 'application') return 'at once'
  return SEQUELS[end.cause]
}

/** `docs/api.md` says why, for each. */
const SEQUELS: Readonly<Record<DriverClose['cause'], Sequel>> = {
  'no-handshake': 'at once',
  'no-transport': 'at once',
  'peer-dead': 'at once',
  'peer-restarted': 'at once',
  refused: 'pause',
  duplicate: 'survivor',
  application: 'fail',
  'lane-full': 'fail',
  'no-endpoint': 'fail',
  'no-protocol': 'fail',
  'below-floor': 'fail',
  'peer-dials': 'survivor',
  'lists-differ': 'fail',
  'peer-removed': 'fail',
  protocol: 'fail',
}

/** A peer that has no room has some when its application is back at its event loop, mostly within this. */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 1_000

/** A lookup that fails may keep a thread of the process for the resolver's 5 s (resolv.conf(5), `timeout`). */
const LONGEST_LOOKUP_PAUSE = 5_000

/** The surviving connection needs a round trip; one that is dead at the other end is found out within a second. */
const SURVIVOR_PAUSE = 1_000
