/** How much of a run is over before its latencies count: handshakes are done, buffers and caches are warm, links are full. */
const WARM_UP = 0.08
/** When one node is killed and when another joins, as parts of the run. */
export const KILL_AT = 0.6
export const JOIN_AT = 0.68
/** When all nodes begin to go over to the second version of the protocol, and how long they take for it. */
export const UPGRADE_AT = 0.9
export const UPGRADE_SHARE = 0.08

/**
 * With priorities, without, with, without: each twice, under the same load.
 *
 * One pair could be luck; whatever drifts in the course of a run (the machine gets busy, a node dies) meets both.
 */
const phases = [true, false, true, false] as const

export interface Phase {
  /** From 0; -1 while the network warms up. */
  readonly index: number
  /** Whether urgent objects have a priority of their own, or that of the bulk. */
  readonly prioritised: boolean
}

export const phaseCount = phases.length

/** The phase at `elapsed` seconds of a run of `seconds`. */
export function phaseAt(elapsed: number, seconds: number): Phase {
  const warmUp = seconds * WARM_UP
  if (elapsed < warmUp) return { index: -1, prioritised: true }
  const length = (seconds - warmUp) / phases.length
  const index = Math.min(Math.floor((elapsed - warmUp) / length), phases.length - 1)
  return { index, prioritised: phases[index] === true }
}

/** When the phase at `elapsed` began, in seconds. */
export function phaseStart(elapsed: number, seconds: number): number {
  const { index } = phaseAt(elapsed, seconds)
  if (index < 0) return 0
  return seconds * (WARM_UP + (index * (1 - WARM_UP)) / phases.length)
}

/** How long each kind of phase lasts in all, in seconds. */
export function measuredSeconds(seconds: number): number {
  return (seconds * (1 - WARM_UP)) / 2
}

/** Just before each phase ends, as parts of a run: when there is most to see of it. */
export function phaseEnds(): number[] {
  const length = (1 - WARM_UP) / phases.length
  return phases.map((_, index) => WARM_UP + (index + 0.98) * length)
}
