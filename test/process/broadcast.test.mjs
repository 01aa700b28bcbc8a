// The main job in small: `npm start` with three nodes for five seconds, and with a node that is broken on purpose.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/examples/broadcast/main.js', import.meta.url))

async function broadcast(...options) {
  const child = spawn(process.execPath, [main, '--json', '--nodes', '3', '--seconds', '5', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, log, summary: code < 2 ? JSON.parse(output) : undefined }
}

test('every node gets every object, through a kill and a join', async () => {
  const { code, log, summary } = await broadcast()
  assert.equal(code, 0, log)
  assert.equal(summary.ok, true)
  assert.deepEqual([summary.lost, summary.corrupt, summary.crashed], [0, 0, []])
  assert.equal(summary.delivered, summary.owed)
  // In the end all of them went over to the second version of the protocol.
  assert.equal(summary.upgrade.doubled, 0)
  assert.ok(summary.upgrade.moved > 0, JSON.stringify(summary.upgrade))
  assert.ok(summary.published.bulk > 10, `only ${summary.published.bulk} bulk objects`)
  assert.ok(summary.published.urgent > 200, `only ${summary.published.urgent} urgent objects`)
  // Three survivors owe what the others published; the newcomer owes about a third of it.
  assert.ok(summary.owed > summary.published.urgent * 1.5, `only ${summary.owed} owed`)
})

test('priorities make urgent objects faster under the same load', async () => {
  const { log, summary } = await broadcast('--uplink', '20')
  assert.ok(summary, log)
  // The tail, since a run this short has few bulk objects: whether half of the urgent ones met one is chance.
  assert.ok(summary.withPriorities.urgent99 * 5 < summary.withoutPriorities.urgent99, JSON.stringify(summary))
})

test('a node that loses objects is noticed', async () => {
  const { code, log, summary } = await broadcast('--fault', 'drop')
  assert.equal(code, 1, log)
  assert.ok(summary.lost > 0)
  assert.equal(summary.corrupt, 0)
})

test('a node that alters objects is noticed', async () => {
  const { code, log, summary } = await broadcast('--fault', 'corrupt')
  assert.equal(code, 1, log)
  assert.ok(summary.corrupt > 0)
})

test('an option that makes no sense is refused with the help', async () => {
  const { code, log } = await broadcast('--nodes', 'many')
  assert.equal(code, 2)
  assert.match(log, /--nodes must be a whole number.*"many"[\s\S]*Usage:/)
})
