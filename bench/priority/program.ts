import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { cancelLines, cancelTable, combineCancelled, measureCancel } from './cancel.js'
import { check } from './check.js'
import { links } from './link.js'
import { Machine } from './machine.js'
import { type MeasureOptions, measure } from './measure.js'
import { reasonAgainstLinks } from './network.js'
import { type PriorityOptions, parsePriorityOptions, priorityHelp } from './options.js'
import { plot } from './plot.js'
import { lines, table } from './report.js'
import { combine, type Result } from './result.js'
import type { Scenario } from './scenario.js'
import { type TransportName, transports } from './transports/table.js'
import type { Transport } from './transports/transport.js'

export const priorityQuestion =
  'Over links that bulk fills: how long does an urgent 1 KiB take, beside other transports?'

/** `npm run bench -- priority`: gives the exit code. */
export async function priority(argv: readonly string[]): Promise<number> {
  const options = parsed(argv)
  if (typeof options === 'number') return options
  if (options.list) {
    for (const { scenario, transports } of options.plan) {
      options.tell(`${transports.map((name) => `${name}/${scenario.name}\n`).join('')}`)
    }
    return 0
  }
  const reason = await reasonAgainstLinks(links['100mbit'], options.congestionControl)
  if (reason === undefined) {
    options.tell(`${processors()}; TCP with ${options.congestionControl}\n`)
  } else {
    process.stderr.write(`priority: no shaped links on this machine: ${reason}\n`)
    if (process.env.WARREN_REQUIRE_NETNS === '1') return 1
  }
  const isHere = prepared(options.plan.flatMap(({ transports }) => transports))
  const plan = options.plan
    .filter(({ scenario }) => reason === undefined || scenario.link.rate === undefined)
    .map(({ scenario, transports }) => ({ scenario, transports: transports.filter((name) => isHere.has(name)) }))
  const machine = new Machine()
  try {
    const results = await run(plan, { ...options, machine })
    return options.check ? check(results) : Number(process.exitCode ?? 0)
  } finally {
    machine.close()
  }
}

type Options = PriorityOptions & MeasureOptions

/** Tells what comes of each scenario when it is done. */
async function run(plan: PriorityOptions['plan'], options: Options): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const { scenario, transports } of plan) {
    if (scenario.kind === 'cancel') {
      const runs = await inTurn(scenario, transports, options, measureCancel)
      const cancelled = runs.map(({ transport, measured }) => combineCancelled(scenario, transport, measured))
      options.tell(cancelTable(scenario, cancelled))
      process.stdout.write(cancelLines(cancelled))
    } else {
      const runs = await inTurn(scenario, transports, options, measure)
      const loaded = runs.map(({ transport, measured }) => combine(scenario, transport, measured))
      options.tell(table(scenario, loaded))
      results.push(...loaded)
      process.stdout.write(lines(loaded))
      if (options.svg !== undefined) draw(options.svg, results, options)
    }
  }
  return results
}

/** After each scenario, so that a run that is cut short leaves what it has. */
function draw(file: string, results: readonly Result[], { runs, seconds }: PriorityOptions): void {
  const drawn = plot(results, `${processors()}; medians of ${runs} × ${seconds} s: npm run bench -- priority`)
  if (drawn !== undefined) writeFileSync(file, drawn)
}

function processors(): string {
  const model = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`.replace(/\(R\)|\(TM\)| Processor/g, '')
  return `${model}, Linux ${release().split('.').slice(0, 2).join('.')}, Node ${process.versions.node}`
}

function parsed(argv: readonly string[]): PriorityOptions | number {
  if (argv.includes('--help')) {
    process.stdout.write(priorityHelp)
    return 0
  }
  try {
    return parsePriorityOptions(argv)
  } catch (error) {
    process.stderr.write(`priority: ${error instanceof Error ? error.message : error}\n\n${priorityHelp}`)
    return 2
  }
}

/** Those of the transports that can be measured here; says of the others why they cannot. */
function prepared(names: readonly TransportName[]): ReadonlySet<TransportName> {
  return new Set(
    [...new Set(names)].filter((name) => {
      const transport: Transport = transports[name]
      const reason = transport.prepare?.()
      if (reason !== undefined) process.stderr.write(`priority: ${name} is left out: ${reason}\n`)
      return reason === undefined
    }),
  )
}

/** One scenario, transports in turn: what drifts meets all of them. */
async function inTurn<M>(
  scenario: Scenario,
  names: readonly TransportName[],
  options: Options,
  measureOnce: (scenario: Scenario, transport: TransportName, options: Options) => Promise<M>,
): Promise<readonly { readonly transport: TransportName; readonly measured: readonly M[] }[]> {
  const all = names.map((transport) => ({ transport, measured: [] as M[] }))
  for (let run = 1; run <= options.runs; run++) {
    for (const { transport, measured } of all) {
      if (process.stderr.isTTY)
        process.stderr.write(`\r${scenario.name}: ${transport}, run ${run} of ${options.runs}\x1b[K`)
      try {
        measured.push(await measureOnce(scenario, transport, options))
      } catch (error) {
        process.stderr.write(`priority: ${transport}/${scenario.name}, run ${run} failed: ${error}\n`)
        process.exitCode = 1
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  return all
}
