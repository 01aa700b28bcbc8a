// Programs of test/process/programs in processes of their own, which tell what they have come to.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Starts a program with options, which it gets as JSON. */
export function start(program, options, execArgv = []) {
  const child = fork(program, [JSON.stringify(options)], { execArgv })
  const reports = []
  child.on('message', (report) => reports.push(report))
  return {
    child,
    reports,
    /** What it said, or says, under this name. */
    async told(name) {
      for (;;) {
        const report = reports.find((one) => name in one)
        if (report !== undefined) return report[name]
        assert.equal(child.exitCode, null, `ended before it told of "${name}"`)
        await Promise.race([once(child, 'message'), once(child, 'exit')])
      }
    },
  }
}
