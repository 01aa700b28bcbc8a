import { parseArgs } from 'node:util'
import { type Scenario, scenarios } from './scenario.js'
import { type TransportName, transportNames } from './transports/table.js'

export interface PriorityOptions {
  readonly runs: number
  /** How long each of the two windows of a measurement lasts: idle, then under bulk. */
  readonly seconds: number
  /** What to measure, in order. */
  readonly plan: readonly Planned[]
  readonly uplink: number | undefined
  /** Of TCP on the links, by its name in Linux. */
  readonly congestionControl: string
  /** Nothing but lines for programs on stdout. */
  readonly tsv: boolean
  /** What is for people. */
  tell(text: string): void
  readonly svg: string | undefined
  readonly check: boolean
  readonly list: boolean
}

export interface Planned {
  readonly scenario: Scenario
  readonly transports: readonly TransportName[]
}

export const priorityHelp = `Usage: npm run bench -- priority [options]

  --only PATTERN   only what this regular expression finds, as in '(warren|net)/100mbit$' (see --list)
  --list           what there is, and end
  --runs N         how often each is measured, transports in turn; printed are medians (default 5)
  --seconds N      how long each window is, first idle, then under bulk (default 5)
  --uplink MBIT    tell warren the rate of the link (default: it finds out)
  --tcp NAME       TCP's congestion control on the links (default cubic, as Linux's)
  --tsv            nothing but lines for programs on stdout
  --svg FILE       draw the plot, of the links between two nodes
  --check          fail unless urgent objects under bulk are far faster over warren than over plain TCP
`

/** Throws with what is wrong with the arguments. */
export function parsePriorityOptions(argv: readonly string[]): PriorityOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      uplink: { type: 'string' },
      tcp: { type: 'string', default: 'cubic' },
      tsv: { type: 'boolean', default: false },
      svg: { type: 'string' },
      check: { type: 'boolean', default: false },
    },
  })
  const plan = chosen(new RegExp(values.only))
  if (plan.length === 0) throw new RangeError(`--only '${values.only}' finds nothing: --list shows what there is`)
  return {
    runs: positive('--runs', values.runs),
    seconds: positive('--seconds', values.seconds),
    plan,
    uplink: values.uplink === undefined ? undefined : positive('--uplink', values.uplink) * 1e6,
    congestionControl: values.tcp,
    tsv: values.tsv,
    tell: (text) => void (values.tsv ? process.stderr : process.stdout).write(text),
    svg: values.svg,
    check: values.check,
    list: values.list,
  }
}

function chosen(only: RegExp): readonly Planned[] {
  return scenarios.flatMap((scenario) => {
    const transports = transportNames.filter((name) => only.test(`${name}/${scenario.name}`))
    return transports.length === 0 ? [] : [{ scenario, transports }]
  })
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0) || !Number.isFinite(value))
    throw new RangeError(`${option} must be a positive number, not "${text}"`)
  return value
}
