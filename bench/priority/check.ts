import type { Result } from './result.js'

/** Wide: plain TCP has some 100 ms of queue before urgent objects, warren's scheduler a few. */
const MARGIN = 3

/** The exit code: whether on each link urgent objects under bulk were far faster over warren than over plain TCP. */
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
