import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Figure, line } from '../figures.js'
import { build, list } from './attacks.js'
import { measure, type Plan } from './measure.js'

export const hostileQuestion = 'What does a hostile peer, or a stranger, cost an honest one?'

const help = `Usage: npm run bench -- hostile [options]

  --only PATTERN   only what this regular expression finds, as in '^(defrag|dials-uplink)$' (see --list)
  --list           what there is, and end
  --rates          each at 5, 25 and 100 Mbit/s instead of 25
  --seconds N      how long each phase is (default 2)
  --rounds N       how often the phases come in turn (default 4)
  --driver NAME    native (default) or script
  --tell           why hostile connections ended, and the victim's counters
  --tsv            nothing but lines for programs
`

/** Runs the attacks of `native/fuzz` one by one, each beside an honest pair. */
export async function hostile(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      rates: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '4' },
      driver: { type: 'string', default: 'native' },
      tell: { type: 'boolean', default: false },
      tsv: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const apart = inNamespace()
  if (apart !== undefined) return apart
  const program = build('release')
  const rates = values.rates ? RATES : [RATE]
  const wanted = plans(program, rates).filter(({ name }) => new RegExp(values.only).test(name.slice('hostile/'.length)))
  if (values.list) {
    for (const { name, attack } of wanted) process.stdout.write(`${name}\t${attack.tries}\n`)
    return 0
  }
  const driver = values.driver === 'script' ? 'script' : 'native'
  const settings = {
    program,
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    driver,
    tell: values.tell,
  } as const
  let failed = 0
  if (!values.tsv) process.stdout.write(`${hostileQuestion}\n${HEADING}\n`)
  const all: Figure[] = []
  for (const plan of wanted) {
    try {
      const figures = await measure(plan, settings)
      all.push(...figures)
      process.stdout.write(values.tsv ? `${figures.map(line).join('\n')}\n` : `${row(plan, figures)}\n`)
    } catch (error) {
      failed++
      process.stdout.write(`${plan.name}: ${error instanceof Error ? error.message : error}\n`)
    }
  }
  if (!values.tsv) process.stdout.write(`\n${all.map(line).join('\n')}\n`)
  return failed === 0 ? 0 : 1
}

/** Every attack on a device that receives, and those that it answers on one whose uplink is narrow. */
function plans(program: string, rates: readonly number[]): readonly Plan[] {
  const attacks = list(program)
  return rates.flatMap((rate) => {
    const suffix = rates.length === 1 ? '' : `/${rate}mbit`
    const receiving = attacks.map((attack) => ({
      name: `hostile/${attack.name}${suffix}`,
      attack,
      rate,
      uplink: undefined,
    }))
    const answering = attacks
      .filter(({ name }) => ANSWERED.has(name))
      .map((attack) => ({ name: `hostile/${attack.name}-uplink${suffix}`, attack, rate, uplink: UPLINK }))
    return [...receiving, ...answering]
  })
}

/** Runs this program again with a loopback of its own, where that can be; gives its exit code. */
function inNamespace(): number | undefined {
  if (process.env.WARREN_BENCH_APART === '1' || process.getuid?.() !== 0) return undefined
  const enter = ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  if (spawnSync('unshare', [...enter, 'true']).status !== 0) return undefined
  const env = { ...process.env, WARREN_BENCH_APART: '1' }
  const args = [...enter, process.execPath, ...process.argv.slice(1)]
  return spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1
}

function row({ name }: Plan, figures: readonly Figure[]): string {
  const of = (metric: string): number => figures.find((figure) => figure.metric === metric)?.value ?? Number.NaN
  const cells = [
    of('kept').toFixed(2),
    of('kept_of_quiet').toFixed(2),
    of('bulk_quiet').toFixed(0),
    of('bulk_here').toFixed(0),
    of('urgent_p99_quiet').toFixed(1),
    of('urgent_p99_elsewhere').toFixed(1),
    of('urgent_p99').toFixed(1),
    of('attack_rate').toFixed(0),
    of('hostile_connections').toFixed(0),
    of('rss_growth').toFixed(0),
  ]
  return name.padEnd(30) + cells.map((cell) => cell.padStart(9)).join('')
}

const HEADING = `${' '.repeat(30)}${['kept', 'of quiet', 'quiet', 'here', 'p99', 'p99 else', 'p99 here', '1/s', 'conns', 'RSS+ MiB'].map((cell) => cell.padStart(9)).join('')}`

/** In Mbit/s. */
const RATE = 25
const RATES: readonly number[] = [5, 25, 100]
/** In bits per second. */
const UPLINK = 10e6
/** Attacks that have the victim send something. */
const ANSWERED: ReadonlySet<string> = new Set([
  'ping',
  'immediate-ack',
  'challenges',
  'opens',
  'empties-read',
  'redials',
  'dials',
  'dials-closed',
  'half-hellos',
  'initial-pieces',
  'holders',
  'unknown-ids',
  'versions',
  'hellos-again',
  'goodbyes',
  'roams',
  'renewals',
  'ports',
  'reasons',
])
