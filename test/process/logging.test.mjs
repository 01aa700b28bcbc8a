// docs/logging.md: what NODE_DEBUG writes, and the programs as they stand there.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { subscribe, tracingChannel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Device, PrivateKey } from '../../dist/index.mjs'
import { codeBlocks } from '../../scripts/lint/markdown.mjs'

const documentation = readFileSync(new URL('../../docs/logging.md', import.meta.url), 'utf8')
const [counting, tracing] = codeBlocks(documentation, 'js')
const program = fileURLToPath(new URL('programs/logged.mjs', import.meta.url))

/** The lines of a program that dials one peer and, in vain, another; and its secrets. */
async function logged(sections, driver) {
  const env = { ...process.env, NODE_DEBUG: sections }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, driver], { env, timeout: 60_000 })
  return { lines: stderr.split('\n').filter((line) => line !== ''), secrets: JSON.parse(stdout) }
}

for (const driver of ['native', 'script']) {
  test(`NODE_DEBUG=warren tells what became of each dial, and no secrets (${driver})`, async () => {
    const { lines, secrets } = await logged('warren', driver)
    const format = /^WARREN \d+: \d{4}-\d\d-\d\dT[\d:.]+Z (dial|peer|connection|stream|io) \S{8}… /
    for (const line of lines) assert.match(line, format)
    const told = lines.join('\n')
    for (const text of [
      /dial \S+ → \S+ begins, for 60.0 s, offers warren\/1, at 127\.0\.0\.1:\d+$/m,
      /dial \S+ → \S+ connected after .* at 127\.0\.0\.1:\d+$/m,
      /dial \S+ → \S+ begins, for 1 ms, offers warren\/1, at 127\.0\.0\.1:9$/m,
      /dial \S+ → \S+ failed after .*: ERR_WARREN_NO_HANDSHAKE: .*127\.0\.0\.1:9/,
      /peer \S+ → \S+ handshake completed in [\d.]+ ms, at 127\.0\.0\.1:\d+$/m,
      /connection .* up, "warren\/1", dialled by the local end$/m,
      /connection .* ended by the local end: code 7 'done\\u\{a\}'$/m,
      /stream .* opened by the local end, priority 3, name "balance"$/m,
      /stream .* over, 5 bytes written$/m,
      new RegExp(`io \\S+ device open, ${driver} driver, at 127\\.0\\.0\\.1:\\d+$`, 'm'),
      /io \S+ device closed$/m,
    ])
      assert.match(told, text)
    for (const secret of secrets) assert.ok(!told.includes(secret), `${secret} is shown`)
    assert.ok(lines.length < 60, `500 messages and 100 packets have no lines of their own; ${lines.length}`)
  })
}

test('a section tells of itself alone, a wildcard of all, and nothing is told unasked', async () => {
  const sectionsOf = (lines) => [...new Set(lines.map((line) => /^(\S+) \d+: \S+ (\w+)/.exec(line)?.slice(1).join()))]
  const [dials, two, all, none] = await Promise.all(
    ['warren:dial', 'warren:io,warren:dial', 'warren*', ''].map((sections) => logged(sections, 'native')),
  )
  assert.deepEqual(sectionsOf(dials.lines), ['WARREN:DIAL,dial'])
  assert.deepEqual(sectionsOf(two.lines).sort(), ['WARREN:DIAL,dial', 'WARREN:IO,io'])
  const names = [...documentation.matchAll(/^\| `warren:(\w+)` \| (?!that|')/gm)].map(([, name]) => name)
  assert.deepEqual(
    sectionsOf(all.lines).sort(),
    ['connection', 'dial', 'io', 'peer', 'stream'].map((name) => `WARREN:${name.toUpperCase()},${name}`),
  )
  for (const name of ['connection', 'dial', 'io', 'peer', 'stream']) assert.ok(names.includes(name), name)
  assert.deepEqual(none.lines, [])
})

test('the programs of the docs count messages and connections, and time dials', async () => {
  const counted = []
  const timed = []
  await run(counting, { count: (name) => counted.push(name) })
  await run(tracing, { time: (...values) => timed.push(values) })
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, ...options })
  const far = await open({ authorize: () => true, limits: { messageBytes: 10 } })
  const near = await open()
  const connection = await near
    .addPeer({ publicKey: far.publicKey, endpoint: far.address })
    .connect({ timeout: 60_000 })
  const outgoing = await connection.send(Buffer.alloc(11))
  assert.equal(await outgoing.settled, 'dropped')
  await near.close()
  await far.close()
  assert.deepEqual(counted, ['dropped.refused', 'closed.by an application', 'closed.by an application'])
  assert.equal(timed.length, 1)
  assert.deepEqual(timed[0].slice(0, 2), ['dial', 'connected'])
  assert.ok(timed[0][2] >= 0)
})

/** A module's text as a function: what it imports is in its scope. */
async function run(source, scope) {
  const all = { subscribe, tracingChannel, ...scope }
  const AsyncFunction = (async () => {}).constructor
  const body = source.replace(/^import .*$/gm, '')
  await new AsyncFunction(...Object.keys(all), body)(...Object.values(all))
}
