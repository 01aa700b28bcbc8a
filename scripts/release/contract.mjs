import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from '@swc/core'
import { root } from '../build/root.mjs'
import { run } from '../step.mjs'
import { digest, digestOfPackage } from './done.mjs'
import { standing } from './standing.mjs'

/**
 * Runs the contract suites with a foreign Node over the package that a project has installed, one file after the other; says how
 * many tests passed, which failed, and what was not run. A file that passed before, over the same package, is not run again.
 * After `budget` seconds no other file is begun: the next run goes on there.
 */
export async function runContract(project, target, node, { done, budget }) {
  const tests = join(layContract(project, node), 'test/contract')
  const lacks = node.lacks ?? {}
  const files = readdirSync(tests).filter((name) => name.endsWith('.test.js'))
  const inputs = digest([node, digestOfPackage(join(project, 'node_modules/warren'), target)], [HARNESS])
  const ends = performance.now() + budget * 1_000
  const results = []
  for (const file of files.filter((file) => !Object.hasOwn(lacks, nameOf(file)))) {
    const of = digest([inputs], [join(tests, file), ...SHARED.map((name) => join(tests, name))])
    const step = `contract-${target}-${nameOf(file)}`
    const late = performance.now() > ends
    const act = () =>
      late ? { passed: 0, failed: [], notRun: nameOf(file) } : runFile(join(tests, file), project, node)
    results.push(await done.once(step, of, act, ({ failed, notRun }) => failed.length > 0 || notRun !== undefined))
  }
  return summed(results, lacks)
}

/** One line on all files. */
export function summed(results, lacks) {
  const passed = results.reduce((sum, one) => sum + one.passed, 0)
  const failures = results.flatMap(({ failed }) => failed)
  const late = results.flatMap(({ notRun }) => notRun ?? [])
  const reasons = Object.entries(lacks).map(([name, reason]) => `${name} (${reason})`)
  return {
    ok: failures.length === 0,
    text: [
      ...(failures.length > 0 ? [`FAILED: ${failures.join(' | ')}`] : []),
      `${passed} passed`,
      ...(late.length > 0 ? [`not run for want of time: ${late.join(', ')}`] : []),
      ...(reasons.length > 0 ? [`not run: ${reasons.join(', ')}`] : []),
    ].join('; '),
  }
}

/**
 * Lays the contract suites into a project that has the package installed, for that package: `warren` is what npm installed,
 * and what the tests import from the sources' `lib` is its `dist`. With `isIPv6` devices listen on all addresses of both
 * kinds, through a socket of that kind.
 */
export function layContract(project, { isIPv6 = false }) {
  const folder = join(project, isIPv6 ? 'contract-ipv6' : 'contract')
  if (existsSync(folder)) return folder
  const [tests, globals] = [join(folder, 'test/contract'), join(folder, 'node_modules/@jest/globals')]
  for (const path of [tests, globals]) mkdirSync(path, { recursive: true })
  cpSync(GLOBALS, join(globals, 'index.js'))
  for (const name of readdirSync(join(root, 'test/contract'))) {
    const source = ofPackage(readFileSync(join(root, 'test/contract', name), 'utf8'))
    const listening = isIPv6 ? source.replaceAll("host: '127.0.0.1'", "host: '::'") : source
    writeFileSync(join(tests, name.replace(/ts$/, 'js')), transformSync(listening, COMPILED).code)
  }
  return folder
}

/**
 * A test of the checkout as one of the installed package, by the path that npm made: under Wine a link is a folder of its own, and a
 * module has another instance under every name.
 */
function ofPackage(source) {
  const installed = '../../../node_modules/warren'
  return source.replaceAll(
    /'\.\.\/\.\.(\/lib)?(?=[/'])/g,
    (_, lib) => `'${installed}${lib === undefined ? '' : '/dist'}`,
  )
}

/** A file whose process ends in another way than its tests do counts as failed. */
async function runFile(file, project, { command: [command, ...args], itself }) {
  const env = { WARREN_EXPECT: createRequire(import.meta.url).resolve('expect'), WARREN_NODE: itself ?? '' }
  const all = [...args, '--expose-gc', '--test-reporter=tap', file]
  const options = { quiet: true, limit: LIMIT, late: standing, env, cwd: project }
  const { code, output, seconds } = await run(command, all, options)
  const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1] ?? 0)
  const name = nameOf(file)
  console.log(`${name}: ${passed} passed, ended with ${code} after ${seconds.toFixed(0)} s`)
  const failed = [...output.matchAll(/^ +not ok \d+ - (.*)$/gm)].map(([, test]) => `${name}: ${test}`)
  if (code === 0 && passed > 0) return { passed, failed: [] }
  console.error(output)
  return { passed, failed: failed.length > 0 ? failed : [`${name} ended with ${code}`] }
}

function nameOf(file) {
  return /([\w-]+)\.test\.js$/.exec(file)[1]
}

const GLOBALS = fileURLToPath(new URL('contract/globals.cjs', import.meta.url))
/** What all files of tests are run by and made with. */
const HARNESS = fileURLToPath(new URL('contract', import.meta.url))
const SHARED = ['network.js', 'packets.js', 'wire.js']

/** Seconds for one file of tests, under an emulator. */
const LIMIT = 1_200

const COMPILED = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
}
