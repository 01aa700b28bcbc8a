// The demo of an upgrade in small: nodes that roll under load, one of which is killed, on each driver and with another order each time.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/examples/upgrade/main.js', import.meta.url))

/** Little enough for any machine: what is asked is that nothing is lost, not how fast it is. */
const SMALL = ['--nodes', '4', '--seconds', '10', '--bulk-size', '65536', '--urgent-interval', '200', '--drain', '300']

async function demo(...options) {
  const child = spawn(process.execPath, [main, '--json', ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, log, summary: code < 2 ? JSON.parse(output) : undefined }
}

for (const driver of ['native', 'script', 'native'])
  test(`nodes that roll forward and back lose nothing and double nothing (${driver})`, async () => {
    const { code, log, summary } = await demo(...SMALL, '--driver', driver)
    assert.ok(summary, log)
    const { lost, doubled, crashed } = summary
    assert.deepEqual({ lost, doubled, crashed, code }, { lost: 0, doubled: 0, crashed: [], code: 0 }, log)
    assert.deepEqual(Object.keys(summary.urgentP99), ['before', 'during', 'after'])
    assert.ok(summary.published > 100, `only ${summary.published} objects`)
    assert.equal(typeof summary.gapMs, 'number')
  })

test('an option that makes no sense is refused with the help', async () => {
  const { code, log } = await demo('--seconds', '1')
  assert.equal(code, 2)
  assert.match(log, /--seconds must be a whole number.*"1"[\s\S]*Usage:/)
})
