import { Pair } from '../pair.js'
import type { Load } from './load.js'

/** Resident memory that a connection takes at the end that was dialled: each round adds as many. */
export function connectionMemory(name: string, title: string, connections: (stack: string) => number): Load {
  return {
    name,
    title,
    metrics: [{ name: 'resident', unit: 'KiB', better: 'lower' }],
    async start(subject, site, { isQuick }) {
      const pair = await Pair.open(subject, site, { role: 'count', farEnds: 1 })
      const count = isQuick ? 5 : connections(subject.stack)
      const grow = async () => {
        const before = await pair.far.ask('resident')
        await pair.near.ask('hold', { connections: count, address: pair.addresses[0] })
        return { resident: ((await pair.far.ask('resident')) - before) / count / 1_024 }
      }
      return begun(pair, grow)
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
    async start(subject, site, { isQuick }) {
      const pair = await Pair.open(subject, site, { role: 'count', farEnds: 1 })
      const count = isQuick ? 50 : peers
      const grow = async () => {
        const before = await pair.near.ask('resident')
        const added = await pair.near.ask('idle', { peers: count })
        return { added: (added / count) * 1e3, resident: ((await pair.near.ask('resident')) - before) / count / 1_024 }
      }
      return begun(pair, grow)
    },
  }
}

/** After a first time, which grows heaps to their working size. */
async function begun(pair: Pair, grow: () => Promise<Record<string, number>>) {
  try {
    await grow()
  } catch (error) {
    await pair.close()
    throw error
  }
  return { pids: pair.pids, measure: grow, close: () => pair.close() }
}
