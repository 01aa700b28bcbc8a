import type { Figure } from '../../figures.js'
import { withPair } from '../../pair.js'
import { measureSeal } from '../../seal.js'
import { urgent } from '../../urgent.js'
import type { Load, Running } from './load.js'

/** One of the programs that `npm run bench -- urgent` runs: its figures are one window. */
export function urgentBesideBulk(name: string, title: string): Load {
  return {
    name,
    title,
    metrics: [
      { name: 'to_shared', unit: 'of p99 at one priority', better: 'lower', isRatio: true },
      { name: 'p50', unit: 'ms', better: 'lower' },
      { name: 'p99', unit: 'ms', better: 'lower' },
      { name: 'shared_p99', unit: 'ms', better: 'lower' },
    ],
    async start(_subject, _site, { windowMs }) {
      return {
        pids: [],
        async measure() {
          const options = { seconds: windowMs / 1e3, uplink: undefined, driver: 'native' } as const
          const figures = await withPair(urgent, options)
          return {
            to_shared: figureOf(figures, 'urgent_to_shared_p99'),
            p50: figureOf(figures, 'urgent_p50'),
            p99: figureOf(figures, 'urgent_p99'),
            shared_p99: figureOf(figures, 'shared_p99'),
          }
        },
        close: async () => undefined,
      }
    },
  }
}

/** The cipher of the tunnel on one core, as if it were a transport: each byte is sealed and opened. */
export async function cipher(): Promise<Running> {
  return {
    pids: [],
    async measure() {
      const { sealMbits, secondsPerGigabyte } = await measureSeal()
      return { goodput: sealMbits / 1e3, cpu: secondsPerGigabyte }
    },
    close: async () => undefined,
  }
}

function figureOf(figures: readonly Figure[], name: string): number {
  return figures.find(({ metric }) => metric === name)?.value ?? Number.NaN
}
