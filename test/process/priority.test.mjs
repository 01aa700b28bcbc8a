// The benchmark over network namespaces: what it does where there are none, and that none outlives it.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/bench/main.js', import.meta.url))
const oneLink = ['priority', '--only', 'node-net/100mbit$', '--runs', '1', '--seconds']

test('without network namespaces the benchmark says why in one line', () => {
  for (const [required, status] of [
    ['', 0],
    ['1', 1],
  ]) {
    const env = { ...process.env, PATH: '', WARREN_REQUIRE_NETNS: required }
    const run = spawnSync(process.execPath, [main, ...oneLink, '1'], { env, encoding: 'utf8' })
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, /^priority: no shaped links on this machine: .+\n$/)
    assert.equal(run.stdout, '')
  }
})

test('an option that makes no sense is refused with the help', () => {
  const run = spawnSync(process.execPath, [main, 'priority', '--runs', 'many'], { encoding: 'utf8' })
  assert.equal(run.status, 2)
  assert.match(run.stderr, /--runs must be a positive number.*"many"[\s\S]*Usage:/)
})

for (const signal of ['SIGINT', 'SIGKILL']) {
  test(`neither namespaces nor nodes outlive a benchmark that ends by ${signal}`, {
    skip: reasonToSkip(),
  }, async () => {
    const bench = spawn(process.execPath, [main, ...oneLink, '600'], { stdio: 'ignore' })
    const exited = once(bench, 'exit')
    const { names, nodes } = await until(() => {
      const names = namespacesOf(bench.pid)
      const nodes = names.flatMap(processesIn)
      return nodes.length === 2 ? { names, nodes } : undefined
    })
    bench.kill(signal)
    await exited
    await until(() => (names.some((name) => namespaces().has(name)) || nodes.some(runs) ? undefined : true))
  })
}

/** Polls for what is bound to happen; a benchmark that hangs fails by the runner's limit. */
async function until(condition) {
  for (;;) {
    const value = condition()
    if (value !== undefined) return value
    await delay(50)
  }
}

function namespaces() {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  return new Set(stdout.split('\n').map((line) => line.split(' ')[0]))
}

function processesIn(namespace) {
  const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}

function runs(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Those that the benchmark's keeper is to delete, from its command line. */
function namespacesOf(pid) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const commands = children.map((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0'))
    const keeper = commands.find((command) => command.some((word) => word.includes('ip netns del')))
    return keeper?.filter((word) => /^warren-[0-9a-f]+-/.test(word)) ?? []
  } catch {
    return []
  }
}

function reasonToSkip() {
  if (process.env.WARREN_REQUIRE_NETNS === '1') return false
  const name = `warren-test-${process.pid}`
  const added = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (added.status !== 0) return 'no network namespaces here (they need Linux, root and iproute2)'
  spawnSync('ip', ['netns', 'del', name])
  return false
}
