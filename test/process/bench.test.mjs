// The benchmark beside its peers: whether it runs, not how fast anything is.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/bench/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'warren-bench-'))
const json = join(folder, 'quick.json')
after(() => rmSync(folder, { recursive: true }))

test('a quick run measures each load of the loopback without foreign peers', () => {
  const run = bench('--quick', '--only', '^loopback/', '--json', json)
  assert.equal(run.status, 0, run.stderr + run.stdout)
  const { loads, leftOut } = JSON.parse(readFileSync(json, 'utf8'))
  assert.deepEqual(leftOut, [])
  const listed = bench('--list', '--only', '^loopback/').stdout.trim().split('\n')
  const named = new Set(listed.map((line) => line.split('/')[1]))
  assert.deepEqual(new Set(loads.map(({ load }) => load)), named)
  for (const { load, metrics, rows } of loads) {
    for (const { subject, values } of rows) {
      // A window this short may be empty on a busy machine.
      for (const { name } of metrics) assert.equal(values[name].length, 1, `${load}, ${subject}: ${name}`)
    }
  }
})

test('the ends in Go answer what the ends in Node do', (context) => {
  const file = join(folder, 'go.json')
  const run = bench(
    '--only',
    '^loopback/(ping|stream)/(quic-go|wireguard-go)',
    '--rounds',
    '1',
    '--seconds',
    '0.1',
    '--json',
    file,
  )
  assert.equal(run.status, 0, run.stderr + run.stdout)
  const { loads, leftOut } = JSON.parse(readFileSync(file, 'utf8'))
  // Without Go, or without the modules that it needs.
  if (leftOut.length > 0 && process.env.WARREN_REQUIRE_GO !== '1') return context.skip(leftOut[0])
  assert.deepEqual(leftOut, [])
  assert.deepEqual(
    loads.map(({ load, rows }) => [load, rows.map(({ subject }) => subject)]),
    [
      ['stream', ['wireguard-go, netstack', 'quic-go']],
      ['ping', ['wireguard-go, netstack', 'quic-go']],
    ],
  )
})

test('figures of a file are told, drawn and compared without measuring', () => {
  const run = bench('--from', json, '--compare', json, '--svg', folder)
  assert.equal(run.status, 0, run.stderr)
  assert.match(run.stdout, /^0 worse, 0 better, /m)
  assert.match(readFileSync(join(folder, 'performance-streams.svg'), 'utf8'), /^<svg [\s\S]*<\/svg>\n$/)
})

test('an option that makes no sense is refused with the help', () => {
  const run = bench('--rounds', 'many')
  assert.equal(run.status, 2)
  assert.match(run.stderr, /--rounds must be a positive number.*"many"[\s\S]*Usage:/)
  assert.match(bench('--only', 'nothing of that').stderr, /finds nothing/)
  assert.match(bench('--docs', '--only', 'stream').stderr, /--docs tells of everything/)
})

function bench(...args) {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
}
