import { setTimeout as delay } from 'node:timers/promises'

/**
 * Milliseconds on the host's monotonic clock.
 *
 * `performance.now()` counts from the start of its own process; this clock is the same in every process of a machine, so a
 * time written by one node can be subtracted from a time read by another.
 */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Resolves at `time`, or later if this process was busy; at once when `time` is past or `signal` aborts. */
export async function until(time: number, signal?: AbortSignal): Promise<void> {
  const wait = time - now()
  if (wait > 0) await delay(wait, undefined, { signal }).catch(() => undefined)
}
