import { parseArgs } from 'node:util'
import type { ProtocolsOption } from 'warren'
import { number, oneOf, reading } from './command.js'
import { type FaultKind, faultKinds } from './fault.js'
import { HEADER_BYTES } from './objects.js'

/** What every node is told on its command line. */
export interface NodeOptions {
  readonly registry: string
  readonly nodes: number
  readonly seconds: number
  readonly bulkSize: number
  readonly urgentSize: number
  /** Milliseconds. */
  readonly urgentInterval: number
  /** Bits per second. */
  readonly uplink?: number | undefined
  readonly driver?: 'native' | 'script' | undefined
  readonly fault?: FaultKind | undefined
  /** Urgent objects have a priority of their own all the time, not in every other phase. */
  readonly alwaysPrioritised?: boolean | undefined
  /** What it offers, accepts and prefers at first. */
  readonly protocols?: ProtocolsOption | undefined
}

export interface Options extends Omit<NodeOptions, 'registry'> {
  readonly drain: number
  readonly json: boolean
}

/** The largest message that a device takes, unless `limits.messageBytes` says otherwise. */
const MAX_OBJECT_BYTES = 16 * 1024 * 1024

const help = `Usage: npm start -- [options]

A broadcast network on this machine: every node is a process and floods objects to its neighbours. On the way one node
is killed and a new one joins. Exits with 0 only when every node has every object it is owed, unaltered.

  --nodes N             processes (default 6, at least 3)
  --seconds N           how long they publish (default 24, at least 4)
  --bulk-size BYTES     default 1048576
  --urgent-size BYTES   default 1024
  --urgent-interval MS  default 50
  --uplink MBIT         of each node, in Mbit/s, or "none" (default 50)
  --drain N             seconds to wait for the last objects (default 30)
  --driver NAME         native (default) or script
  --fault KIND          break one node on purpose: drop or corrupt
  --json                the summary as one JSON object
  --help                this text
`

/** Reads the command line. Prints the help and exits when asked to, or when an option makes no sense. */
export function readOptions(): Options {
  return reading(help, () => {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string', default: '6' },
        seconds: { type: 'string', default: '24' },
        'bulk-size': { type: 'string', default: '1048576' },
        'urgent-size': { type: 'string', default: '1024' },
        'urgent-interval': { type: 'string', default: '50' },
        uplink: { type: 'string', default: '50' },
        drain: { type: 'string', default: '30' },
        driver: { type: 'string', default: 'native' },
        fault: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return undefined
    return {
      nodes: number('nodes', values.nodes, 3, 50),
      seconds: number('seconds', values.seconds, 4, 86_400),
      bulkSize: number('bulk-size', values['bulk-size'], HEADER_BYTES + 16, MAX_OBJECT_BYTES),
      urgentSize: number('urgent-size', values['urgent-size'], HEADER_BYTES + 16, MAX_OBJECT_BYTES),
      urgentInterval: number('urgent-interval', values['urgent-interval'], 1, 60_000),
      uplink: values.uplink === 'none' ? undefined : number('uplink', values.uplink, 1, 100_000) * 1e6,
      drain: number('drain', values.drain, 1, 3_600),
      driver: oneOf('driver', values.driver, ['native', 'script'] as const),
      fault: values.fault === undefined ? undefined : oneOf('fault', values.fault, faultKinds),
      json: values.json,
    }
  })
}
