// All tests: `npm test`, or some: `npm test -- <suite> [arguments of its runner]`.
// The interop suite mostly waits for WireGuard's timers, so it runs beside the others and is shown when it ends.

import { join } from 'node:path'
import { filesUnder } from './build/fingerprint.mjs'
import { root, tool } from './build/root.mjs'
import { announce, run, table } from './step.mjs'
import { countTests } from './test/count.mjs'

const node = process.execPath
const suites = {
  interop: (args) => [
    node,
    ['--test', '--test-concurrency=5', '--test-reporter=spec', ...args, ...testFiles('test/interop')],
  ],
  rust: (args) => ['cargo', ['test', '--workspace', '--quiet', ...args]],
  unit: (args) => [node, [tool.jest, '--maxWorkers=2', ...args]],
  process: (args) => [
    node,
    ['--test', '--test-concurrency=1', '--test-reporter=spec', ...args, ...testFiles('test/process')],
  ],
  types: (args) => [node, [tool.tsc, '-p', 'test/types', ...args]],
}

/** Seconds for one suite: a test that leaves something open must not keep CI until CI is killed. */
const LIMIT = process.env.WARREN_SLOW === '1' ? 20_000 : 1_200

const [only, ...args] = process.argv.slice(2)
if (only !== undefined && !(only in suites)) {
  throw new Error(`no suite "${only}": there are ${Object.keys(suites).join(', ')}`)
}

const results = []
if (only !== undefined) {
  results.push(await suite(only, args))
} else {
  const interop = suite('interop', [], { quiet: true })
  for (const name of Object.keys(suites).filter((name) => name !== 'interop')) results.push(await suite(name, []))
  announce('interop')
  results.push(await interop)
  process.stdout.write(results.at(-1).output)
}

announce('tests')
table(results)
const counts = results.map(countTests)
const total = (kind) => counts.reduce((sum, count) => sum + count[kind], 0)
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`)
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1

async function suite(name, args, { quiet = false } = {}) {
  if (!quiet) announce(name)
  const [command, commandArgs] = suites[name](args)
  return { name, ...(await run(command, commandArgs, { quiet, limit: LIMIT })) }
}

/** Named one by one: `node --test` takes a folder on Node 20 only, a glob on 22 and later only. */
function testFiles(folder) {
  return filesUnder(join(root, folder)).filter((file) => file.endsWith('.test.mjs'))
}
