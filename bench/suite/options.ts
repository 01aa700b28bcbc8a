import { parseArgs } from 'node:util'

export interface SuiteOptions {
  readonly only: RegExp
  readonly rounds: number
  readonly windowMs: number
  readonly isQuick: boolean
  /** Whether a peer that is missing fails the run. */
  readonly needsPeers: boolean
  readonly json: string
  readonly compare: string | undefined
  readonly svg: string | undefined
  readonly writesDocs: boolean
  /** A JSON whose figures are taken in place of measured ones. */
  readonly from: string | undefined
  readonly isList: boolean
}

export const suiteHelp = `Usage: npm run bench [-- options]

Everything, beside its limits and peers: streams, messages, datagrams, latency, dials, memory, neighbours, on loopback and over
a link of 1,500 bytes. A quarter of an hour on two processors.

  --only PATTERN     what this regular expression finds, as in '^veth/stream$' or '/ping/warren' (see --list)
  --list             what there is, as path/load/subject
  --rounds N         how often each is measured, in turn (default 5)
  --seconds N        how long each window is (default 1)
  --quick            one round of tiny windows without foreign peers: whether it runs, not how fast
  --require-peers    fail where a peer cannot be built or a path not be made
  --json FILE        the figures of all rounds (default target/bench/last.json)
  --compare FILE     judge by an earlier JSON: ratios within each run, never absolute figures; exit code 1 where worse
  --svg DIRECTORY    draw performance-*.svg there
  --docs             write tables and plots into README.md and docs/
  --from FILE        measure nothing: take the figures of that JSON for --compare, --svg and --docs
`

/** Throws with what is wrong with the arguments. */
export function parseSuiteOptions(argv: readonly string[]): SuiteOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'require-peers': { type: 'boolean', default: false },
      json: { type: 'string', default: 'target/bench/last.json' },
      compare: { type: 'string' },
      svg: { type: 'string' },
      docs: { type: 'boolean', default: false },
      from: { type: 'string' },
    },
  })
  if (values.docs && values.only !== '') throw new RangeError('--docs tells of everything: it does not go with --only')
  return {
    only: new RegExp(values.only),
    rounds: positive('--rounds', values.rounds ?? (values.quick ? '1' : '5')),
    windowMs: 1e3 * positive('--seconds', values.seconds ?? (values.quick ? '0.1' : '1')),
    isQuick: values.quick,
    needsPeers: values['require-peers'],
    json: values.json,
    compare: values.compare,
    svg: values.svg,
    writesDocs: values.docs,
    from: values.from,
    isList: values.list,
  }
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0) || !Number.isFinite(value))
    throw new RangeError(`${option} must be a positive number, not "${text}"`)
  return value
}
