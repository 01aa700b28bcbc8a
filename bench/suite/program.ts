import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { compare, comparison } from './compare.js'
import { drawPlots, writeDocuments } from './documents.js'
import { ROOT } from './foreign.js'
import { between, facts, loadAverage, read } from './machine.js'
import { parseSuiteOptions, type SuiteOptions, suiteHelp } from './options.js'
import { Sites } from './paths.js'
import { type Planned, plan } from './plan.js'
import { prepare } from './prepare.js'
import type { LoadResult, SuiteResult } from './result.js'
import { rounds } from './rounds.js'
import { preface, table } from './table.js'

/** `npm run bench` without a name: gives the exit code. */
export async function suite(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(suiteHelp)
    return 0
  }
  let options: SuiteOptions
  try {
    options = parseSuiteOptions(argv)
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n\n${suiteHelp}`)
    return 2
  }
  const wanted = chosen(options)
  if (wanted.length === 0) {
    process.stderr.write(`bench: --only '${options.only.source}' finds nothing: --list shows what there is\n`)
    return 2
  }
  if (options.isList) {
    for (const { path, load, subjects } of wanted) {
      for (const { name } of subjects) process.stdout.write(`${path}/${load.name}/${name}\n`)
    }
    return 0
  }
  // Before a run writes over it.
  const earlier = options.compare === undefined ? undefined : readResult(options.compare)
  const told = options.from === undefined ? await run(wanted, options) : given(options.from)
  if (told === undefined) return 1
  const { result, isWhole } = told
  return tell(result, earlier, options) && isWhole ? 0 : 1
}

/** The figures of a file. */
function given(file: string): { readonly result: SuiteResult; readonly isWhole: boolean } {
  const result = readResult(file)
  for (const load of result.loads) process.stdout.write(table(load))
  return { result, isWhole: true }
}

/** Tells, draws and writes what a run says; gives whether nothing is worse than in the run that it is compared with. */
function tell(result: SuiteResult, earlier: SuiteResult | undefined, options: SuiteOptions): boolean {
  process.stdout.write(`\n${preface(result)}`)
  if (options.svg !== undefined) drawPlots(options.svg, result)
  if (options.writesDocs) writeDocuments(ROOT, result)
  if (earlier === undefined) return true
  const judgements = compare(earlier, result)
  process.stdout.write(comparison(judgements))
  return judgements.every(({ verdict }) => verdict !== 'worse')
}

function readResult(file: string): SuiteResult {
  const result = JSON.parse(readFileSync(file, 'utf8')) as SuiteResult
  if (result.format !== 1) throw new Error(`${file} is not of a suite of this format`)
  return result
}

function chosen({ only }: SuiteOptions): readonly Planned[] {
  return plan()
    .map((planned) => ({
      ...planned,
      subjects: planned.subjects.filter(({ name }) => only.test(`${planned.path}/${planned.load.name}/${name}`)),
    }))
    .filter(({ subjects }) => subjects.length > 0)
}

async function run(
  wanted: readonly Planned[],
  options: SuiteOptions,
): Promise<{ readonly result: SuiteResult; readonly isWhole: boolean } | undefined> {
  const began = new Date()
  const { plan, leftOut, versions } = await prepare(wanted, options.isQuick)
  for (const text of leftOut) process.stderr.write(`bench: left out: ${text}\n`)
  if (leftOut.length > 0 && options.needsPeers) return undefined
  const failures: string[] = []
  const sites = new Sites()
  const load = loadAverage()
  if (load > cpus().length / 2)
    process.stderr.write(`bench: this machine is busy: its load average is ${load.toFixed(1)}\n`)
  const before = read([])
  const loads: LoadResult[] = []
  try {
    for (const planned of plan) {
      const result = await rounds(planned, {
        ...options,
        rampMs: options.windowMs / 5,
        sites,
        progress,
        failed(subject, load, error) {
          failures.push(`${planned.path}, ${load}, ${subject}: ${String(error).split('\n', 1)[0]}`)
          process.stderr.write(`bench: ${failures.at(-1)}\n`)
        },
      })
      progress('')
      process.stdout.write(table(result))
      loads.push(result)
    }
  } finally {
    await sites.close()
  }
  const result: SuiteResult = {
    format: 1,
    began: began.toISOString(),
    seconds: (Date.now() - began.getTime()) / 1e3,
    rounds: options.rounds,
    windowMs: options.windowMs,
    machine: facts(between(before, read([])), load),
    versions,
    leftOut: [...leftOut, ...failures],
    loads,
  }
  mkdirSync(dirname(options.json), { recursive: true })
  writeFileSync(options.json, `${JSON.stringify(result, undefined, 1)}\n`)
  const isWhole = failures.every((text) => !text.includes(', warren')) && (!options.needsPeers || failures.length === 0)
  return { result, isWhole }
}

/** One line that the next one replaces. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`)
}
