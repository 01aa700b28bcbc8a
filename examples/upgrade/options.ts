import { parseArgs } from 'node:util'
import { number, oneOf, reading } from '../broadcast/command.js'

export interface UpgradeOptions {
  readonly nodes: number
  readonly seconds: number
  readonly bulkSize: number
  readonly urgentInterval: number
  readonly uplink: number | undefined
  readonly driver: 'native' | 'script'
  readonly drain: number
  readonly json: boolean
}

const help = `Usage: npm run upgrade-demo -- [options]

A broadcast network on this machine that upgrades under load: every node is a process, and all of them roll from version
1 of their protocol to version 2 and back, one at a time in random order. On the way one is killed, one joins, and one
goes back half-way. Exits with 0 only when nothing is lost and nothing came twice.

  --nodes N             processes (default 8, at least 3)
  --seconds N           how long they publish (default 40, at least 10)
  --bulk-size BYTES     of an object of bulk (default 1048576)
  --urgent-interval MS  between urgent objects of 1 KiB, of each node (default 50)
  --uplink MBIT         of each node, in Mbit/s, or "none" (default 50)
  --driver NAME         native (default) or script
  --drain N             seconds to wait for the last objects (default 30)
  --json                the summary as one JSON object
  --help                this text
`

/** Reads the command line. Prints the help and exits when asked to, or when an option makes no sense. */
export function readOptions(): UpgradeOptions {
  return reading(help, () => {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string', default: '8' },
        seconds: { type: 'string', default: '40' },
        'bulk-size': { type: 'string', default: '1048576' },
        'urgent-interval': { type: 'string', default: '50' },
        uplink: { type: 'string', default: '50' },
        driver: { type: 'string', default: 'native' },
        drain: { type: 'string', default: '30' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return undefined
    return {
      nodes: number('nodes', values.nodes, 3, 50),
      seconds: number('seconds', values.seconds, 10, 86_400),
      bulkSize: number('bulk-size', values['bulk-size'], 64, 16 * 1024 * 1024),
      urgentInterval: number('urgent-interval', values['urgent-interval'], 1, 60_000),
      uplink: values.uplink === 'none' ? undefined : number('uplink', values.uplink, 1, 100_000) * 1e6,
      driver: oneOf('driver', values.driver, ['native', 'script'] as const),
      drain: number('drain', values.drain, 1, 3_600),
      json: values.json,
    }
  })
}
