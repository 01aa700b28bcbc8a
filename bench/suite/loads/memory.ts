import { Pair, type Subject } from '../pair.js'
import type { Site } from '../paths.js'
import type { Load, Running, Sample } from './load.js'

/** Resident memory that a connection takes at the end that was dialled: each round adds as many. */
export function connectionMemory(name: string, title: string, connections: (stack: string) => number): Load {
  return {
    name,
    title,
    metrics: [{ name: 'resident', unit: 'KiB', better: 'lower' }],
    start(subject, site, { isQuick }) {
      const count = isQuick ? 5 : connections(subject.stack)
      return growing(subject, site, async ({ near, far, addresses }) => {
        const before = await far.ask('resident')
        await near.ask('hold', { connections: count, address: addresses[0] })
        return { resident: ((await far.ask('resident')) - before) / count / 1_024 }
      })
    },
  }
}

/** The same of a peer that was added and never comes. */
export function idlePeerMemory(name: string, title: string, peers: number): Load {
  return {
    name,
    title,
    metrics: [
      { name: 'resident', unit: 'KiB', better: 'lower' },
      { name: 'added', unit: 'us', better: 'lower' },
    ],
    start(subject, site, { isQuick }) {
      const count = isQuick ? 50 : peers
      return growing(subject, site, async ({ near }) => {
        const before = await near.ask('resident')
        const added = await near.ask('idle', { peers: count })
        return { added: (added / count) * 1e3, resident: ((await near.ask('resident')) - before) / count / 1_024 }
      })
    },
  }
}

/** Grows a first time before it is measured: heaps reach their working size. */
async function growing(subject: Subject, site: Site, grow: (pair: Pair) => Promise<Sample>): Promise<Running> {
  const pair = await Pair.open(subject, site, { role: 'count', farEnds: 1 }, grow)
  return { pids: pair.pids, measure: () => grow(pair), close: () => pair.close() }
}
