import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { transformSync } from '@swc/core'
import { root } from '../build/root.mjs'
import { run } from '../step.mjs'

/** Of jest's own module registry, and of processes that are started by `process.execPath`, which is no Node under an emulator. */
const NOT_HERE = ['errors.test.ts', 'uncaught.test.ts']

/** Seconds for one file of tests, under an emulator. */
const LIMIT = 1_200

/**
 * Runs the contract suites with a Node, given as a command line, over the package that a project has installed; says how many
 * tests passed, and which failed.
 */
export async function runContract(project, node, { sideBySide, isIPv6 = false }) {
  const tests = join(layContract(project, isIPv6), 'test/contract')
  const files = readdirSync(tests).filter((name) => name.endsWith('.test.js'))
  const results = []
  const next = async () => {
    for (let name = files.shift(); name !== undefined; name = files.shift())
      results.push(await runFile(join(tests, name), project, node))
  }
  await Promise.all(Array.from({ length: sideBySide }, next))
  const passed = results.reduce((sum, one) => sum + one.passed, 0)
  const failures = results.flatMap(({ failed }) => failed)
  if (failures.length === 0) return `${passed} passed`
  process.exitCode = 1
  return `FAILED: ${failures.join(' | ')}; ${passed} passed`
}

/**
 * Lays the contract suites into a project that has the package installed, for that package: `warren` is what npm installed,
 * and what the tests import from the sources' `lib` is its `dist`. With `isIPv6` devices listen on all addresses of both
 * kinds, through a socket of that kind.
 */
function layContract(project, isIPv6) {
  const folder = join(project, isIPv6 ? 'contract-ipv6' : 'contract')
  if (existsSync(folder)) return folder
  const [tests, globals] = [join(folder, 'test/contract'), join(folder, 'node_modules/@jest/globals')]
  for (const path of [tests, globals]) mkdirSync(path, { recursive: true })
  symlinkSync(join(project, 'node_modules/warren/dist'), join(folder, 'lib'))
  cpSync(new URL('contract/globals.cjs', import.meta.url), join(globals, 'index.js'))
  for (const name of readdirSync(join(root, 'test/contract')).filter((name) => !NOT_HERE.includes(name))) {
    const source = readFileSync(join(root, 'test/contract', name), 'utf8')
    const listening = isIPv6 ? source.replaceAll("host: '127.0.0.1'", "host: '::'") : source
    writeFileSync(join(tests, name.replace(/ts$/, 'js')), transformSync(listening, COMPILED).code)
  }
  return folder
}

/** A file whose process ends in another way than its tests do counts as failed. */
async function runFile(file, project, [command, ...args]) {
  const env = { WARREN_EXPECT: createRequire(import.meta.url).resolve('expect') }
  const all = [...args, '--test-reporter=tap', file]
  const { code, output } = await run(command, all, { quiet: true, limit: LIMIT, env, cwd: project })
  const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1] ?? 0)
  const failed = [...output.matchAll(/^ +not ok \d+ - (.*)$/gm)].map(([, name]) => name)
  if (code === 0 && passed > 0) return { passed, failed: [] }
  console.error(output)
  return { passed, failed: failed.length > 0 ? failed : [`${basename(file)} ended with ${code}`] }
}

const COMPILED = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
}
