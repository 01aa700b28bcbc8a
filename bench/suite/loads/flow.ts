import { setTimeout as delay } from 'node:timers/promises'
import { Pair } from '../pair.js'
import type { FlowOptions } from '../questions.js'
import type { Metric } from '../result.js'
import type { Load, Sample, Settings } from './load.js'

export const GOODPUT: Metric = { name: 'goodput', unit: 'Gbit/s', better: 'higher' }
export const OBJECTS: Metric = { name: 'objects', unit: '1/s', better: 'higher' }
export const CPU_PER_GIGABYTE: Metric = { name: 'cpu', unit: 's/GB', better: 'lower' }
export const CPU_PER_OBJECT: Metric = { name: 'cpu_each', unit: 'us', better: 'lower' }
export const SENDER_CPU_PER_OBJECT: Metric = { name: 'cpu_near', unit: 'us at the sender', better: 'lower' }
export const CORES: Metric = { name: 'cores', unit: 'cores', better: 'lower' }

export interface FlowLoad extends FlowOptions {
  readonly name: string
  readonly title: string
  readonly metrics: readonly Metric[]
  /** To so many ends; default 1. */
  readonly peers?: number
  /** To each; default 1. */
  readonly channels?: number
}

/** Bytes in one direction: what arrives in a window, and what that costs both ends. */
export function flow({ name, title, metrics, peers = 1, channels = 1, ...options }: FlowLoad): Load {
  return {
    name,
    title,
    metrics,
    async start(subject, site, settings) {
      const pair = await Pair.open(subject, site, { role: 'count', farEnds: peers }, async (pair) => {
        if (subject.idlePeers !== undefined) await pair.near.ask('idle', { peers: subject.idlePeers })
        await pair.near.ask('dial', { addresses: pair.addresses, channels })
        await window(pair, options, { ...settings, windowMs: settings.windowMs / 2 })
      })
      return {
        pids: pair.pids,
        measure: () => window(pair, options, settings),
        close: () => pair.close(),
      }
    },
  }
}

/** Has the near end send for the ramp and the window; values for all metrics of this file. */
export async function window(pair: Pair, options: FlowOptions, { rampMs, windowMs }: Settings): Promise<Sample> {
  await pair.near.ask('flow', options)
  await delay(rampMs)
  const begin = await pair.count()
  await delay(windowMs)
  const end = await pair.count()
  await pair.near.ask('stop')
  const [bytes, objects] = [end.bytes - begin.bytes, end.objects - begin.objects]
  const seconds = (end.at - begin.at) / 1e3
  const cpu = end.cpuSeconds - begin.cpuSeconds
  return {
    goodput: (bytes * 8) / seconds / 1e9,
    objects: objects / seconds,
    cpu: cpu / (bytes / 1e9),
    cpu_each: (cpu / objects) * 1e6,
    cpu_near: ((end.nearCpuSeconds - begin.nearCpuSeconds) / objects) * 1e6,
    cores: cpu / seconds,
  }
}
