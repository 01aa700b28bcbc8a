import type { Result } from './result.js'

/**
 * Over 100 Mbit/s with a queue of 50 ms an urgent object waits 92 ms p50 on plain TCP's one socket: for the queue, and for
 * the kernel's send buffer before it. Over warren it waits 2.3 ms. What is between is for busy processors.
 */
const MARGIN = 8

/** The exit code: whether on each link urgent objects under bulk were faster over warren by a wide margin than over plain TCP. */
export function check(results: readonly Result[]): number {
  let failures = 0
  const fail = (text: string): void => {
    process.stderr.write(`priority: ${text}\n`)
    failures += 1
  }
  const ours = results.filter(({ transport }) => transport === 'warren-quic')
  if (ours.length === 0) fail('nothing of warren was measured')
  for (const { scenario, medians } of ours) {
    const plain = results.find((other) => other.transport === 'node-net' && other.scenario === scenario)?.medians
    if (medians === undefined || plain === undefined) {
      fail(`${scenario.name}: no figures to compare`)
      continue
    }
    const [own, theirs] = [medians.urgentLoadedP50, plain.urgentLoadedP50]
    if (own * MARGIN > theirs) {
      fail(
        `${scenario.name}: urgent p50 under bulk is ${own.toFixed(1)} ms over warren, ${theirs.toFixed(1)} ms over plain TCP`,
      )
    }
  }
  return failures === 0 ? 0 : 1
}
