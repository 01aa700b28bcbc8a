import { Pair, type PairOptions, type Subject } from '../pair.js'
import type { Site } from '../paths.js'
import type { Times } from '../questions.js'
import type { Metric } from '../result.js'
import type { Load, Running, Sample, Settings } from './load.js'

export const P50: Metric = { name: 'p50', unit: 'ms', better: 'lower' }
export const P99: Metric = { name: 'p99', unit: 'ms', better: 'lower' }
const CPU_EACH: Metric = { name: 'cpu_each', unit: 'us', better: 'lower' }

/** Objects there and back, one after the other. */
export function ping(name: string, title: string, bytes: number): Load {
  return {
    name,
    title,
    metrics: [P50, P99, CPU_EACH],
    start: (subject, site, settings) =>
      echoing(subject, site, settings, { role: 'echo', farEnds: 1 }, async (pair, ms) => {
        const begin = await pair.count()
        const times = await pair.near.ask('ping', { ms, bytes })
        const end = await pair.count()
        return { ...latencies(times), cpu_each: ((end.cpuSeconds - begin.cpuSeconds) / times.count) * 1e6 }
      }),
  }
}

/** From the dial to the first byte that came back. */
export function dials(name: string, title: string): Load {
  return {
    name,
    title,
    metrics: [P50, P99],
    start: (subject, site, settings) =>
      echoing(subject, site, settings, { role: 'echo', farEnds: 1 }, async (pair, ms) =>
        latencies(await pair.near.ask('dials', { ms, address: pair.addresses[0] })),
      ),
  }
}

export function joins(name: string, title: string): Load {
  return {
    name,
    title,
    metrics: [
      { name: 'joins', unit: '1/s', better: 'higher' },
      { name: 'cpu_each', unit: 'us', better: 'lower' },
    ],
    start: (subject, site, settings) =>
      echoing(subject, site, settings, { role: 'echo', farEnds: 1 }, async (pair, ms) => {
        const begin = await pair.count()
        const { perSecond } = await pair.near.ask('joins', { ms, address: pair.addresses[0] })
        const end = await pair.count()
        const count = (perSecond * (end.at - begin.at)) / 1e3
        return { joins: perSecond, cpu_each: ((end.cpuSeconds - begin.cpuSeconds) / count) * 1e6 }
      }),
  }
}

function latencies({ p50, p99 }: Times): Sample {
  return { p50, p99 }
}

async function echoing(
  subject: Subject,
  site: Site,
  { windowMs }: Settings,
  options: PairOptions,
  measure: (pair: Pair, ms: number) => Promise<Sample>,
): Promise<Running> {
  const pair = await Pair.open(subject, site, options, async (pair) => {
    await pair.near.ask('dial', { addresses: pair.addresses, channels: 1 })
    await measure(pair, windowMs / 2)
  })
  return { pids: pair.pids, measure: () => measure(pair, windowMs), close: () => pair.close() }
}
