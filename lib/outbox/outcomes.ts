import type { Outcome } from '../driver.js'

/** Counts of no message, to start from. */
export const NO_OUTCOMES: Readonly<Record<Outcome, number>> = {
  delivered: 0,
  expired: 0,
  cancelled: 0,
  replaced: 0,
  dropped: 0,
  lost: 0,
}

/** All there are. */
export const OUTCOMES = Object.keys(NO_OUTCOMES) as readonly Outcome[]
