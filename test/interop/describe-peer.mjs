import { describe, test } from 'node:test'

/** Has a foreign peer pass suites, or skips them where `missing` tells a reason: one test that is counted as skipped. */
export function describePeer(Foreign, missing, options, suites) {
  const name = `with ${Foreign.title}`
  if (missing) test(name, { skip: missing }, () => {})
  else {
    describe(name, options, () => {
      for (const suite of suites) suite(Foreign)
    })
  }
}
