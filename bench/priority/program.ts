import { check } from './check.js'
import { measure } from './measure.js'
import { reasonAgainstLinks } from './network.js'
import { type Planned, type PriorityOptions, parsePriorityOptions, priorityHelp } from './options.js'
import { lines, table } from './report.js'
import { combine, type Result } from './result.js'
import { type TransportName, transports } from './transports/table.js'
import type { Transport } from './transports/transport.js'

export const priorityQuestion =
  'Over links that bulk fills: how long does an urgent 1 KiB take, beside other transports?'

/** `npm run bench -- priority`: gives the exit code. */
export async function priority(argv: readonly string[]): Promise<number> {
  const options = parsed(argv)
  if (typeof options === 'number') return options
  const tell = (text: string): void => void (options.tsv ? process.stderr : process.stdout).write(text)
  if (options.list) {
    for (const { scenario, transports } of options.plan) {
      tell(`${transports.map((name) => `${name}/${scenario.name}\n`).join('')}`)
    }
    return 0
  }
  const reason = reasonAgainstLinks()
  if (reason !== undefined) {
    process.stderr.write(`priority: no shaped links on this machine: ${reason}\n`)
    if (process.env.WARREN_REQUIRE_NETNS === '1') return 1
  }
  const isHere = prepared(options.plan.flatMap(({ transports }) => transports))
  const plan = options.plan
    .filter(({ scenario }) => reason === undefined || scenario.link.rate === undefined)
    .map(({ scenario, transports }) => ({ scenario, transports: transports.filter((name) => isHere.has(name)) }))
  const results: Result[] = []
  for (const planned of plan) {
    const measured = await measureAll(planned, options, tell)
    tell(table(planned.scenario, measured))
    results.push(...measured)
  }
  process.stdout.write(`${options.tsv ? '' : '\n'}${lines(results)}`)
  return options.check ? check(results) : 0
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
async function measureAll(
  { scenario, transports }: Planned,
  options: PriorityOptions,
  tell: (text: string) => void,
): Promise<readonly Result[]> {
  const measured = transports.map((transport) => ({ transport, runs: [] as Awaited<ReturnType<typeof measure>>[] }))
  for (let run = 1; run <= options.runs; run++) {
    for (const { transport, runs } of measured) {
      if (process.stderr.isTTY) tell(`\r${scenario.name}: ${transport}, run ${run} of ${options.runs}\x1b[K`)
      runs.push(await measure(scenario, transport, options))
    }
  }
  if (process.stderr.isTTY) tell('\r\x1b[K')
  return measured.map(({ transport, runs }) => combine(scenario, transport, runs))
}
