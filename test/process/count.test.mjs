// The last line of `npm test` adds up what four runners print.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countTests } from '../../scripts/test/count.mjs'

const cargo = `running 2 tests
test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s
test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
`
const jest = 'Test Suites: 1 failed, 2 passed, 3 total\nTests:       1 failed, 2 skipped, 30 passed, 33 total\n'
const node = '\x1b[34mℹ tests 9\x1b[39m\n\x1b[34mℹ pass 5\x1b[39m\nℹ fail 1\nℹ cancelled 1\nℹ skipped 2\nℹ todo 0\n'

for (const [runner, output, counts] of [
  ['cargo', cargo, { passed: 9, failed: 3, skipped: 1 }],
  ['jest', jest, { passed: 30, failed: 1, skipped: 2 }],
  ['node', node, { passed: 5, failed: 2, skipped: 2 }],
]) {
  test(`the tests of ${runner} are counted`, () => {
    assert.deepEqual(countTests({ code: 1, output }), counts)
  })
}

test('a suite that fails without a failed test is one failure', () => {
  assert.deepEqual(countTests({ code: 101, output: 'error: could not compile' }), { passed: 0, failed: 1, skipped: 0 })
})

test('a type check that passes is one pass', () => {
  assert.deepEqual(countTests({ code: 0, output: '' }), { passed: 1, failed: 0, skipped: 0 })
})
