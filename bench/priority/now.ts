/**
 * CLOCK_MONOTONIC in milliseconds: what `process.hrtime` reads, one clock for all processes of this machine in whatever
 * network namespace, so an instant of one can be taken from an instant of another. (`performance.now` counts from each
 * process's own start.)
 */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
