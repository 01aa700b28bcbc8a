import { describe, expect, test } from '@jest/globals'
import { Arrivals, urgentObject } from '../../../bench/priority/load.js'
import { SlowMoments } from '../../../bench/priority/machine.js'
import type { Measurement } from '../../../bench/priority/measure.js'
import { plot } from '../../../bench/priority/plot.js'
import { figuresOf, table } from '../../../bench/priority/report.js'
import { combine } from '../../../bench/priority/result.js'
import { type Scenario, scenarios } from '../../../bench/priority/scenario.js'

const scenario = scenarios.find(({ name }) => name === '100mbit') as Scenario

const linkBound: Measurement = {
  idle: { p50: 0.3, p99: 0.5, steadyP99: 0.4, missing: 0 },
  loaded: { p50: 2, p99: 4, steadyP99: 3, missing: 0 },
  bulkGoodput: 88e6,
  linkCapacity: 90e6,
  cpuPerGigabyte: 4,
  shaper: { share: 0.98, frameBytes: 1_494, drops: 0 },
  cpu: { busiestThread: 0.97, machine: 0.99, others: 0 },
  slow: 0,
  freshStream: undefined,
}
const cpuBound: Measurement = { ...linkBound, bulkGoodput: 50e6, shaper: { share: 0.6, frameBytes: 1_494, drops: 0 } }

describe('the result of the priority benchmark', () => {
  test('has no figure under the name of a link that the processors kept from filling', () => {
    const result = combine(scenario, 'warren-quic', [cpuBound, cpuBound, linkBound])
    expect(figuresOf(result).map(({ metric }) => metric)).toEqual(['cpu_bound_runs'])
    expect(table(scenario, [result])).toContain('no figures: the processors were the limit')
    expect(plot([result], '')).toBeUndefined()
  })

  test('leaves out the runs in which the processors were the limit, and says so', () => {
    const result = combine(scenario, 'warren-quic', [cpuBound, linkBound, linkBound])
    expect(result.medians?.bulkGoodput).toBe(88e6)
    expect(table(scenario, [result])).toContain('1 of 3 runs left out')
  })

  test('keeps the figures of a transport that leaves the link idle by itself', () => {
    const idle = { ...cpuBound, cpu: { busiestThread: 0.2, machine: 0.3, others: 0 } }
    expect(combine(scenario, 'node-net', [idle]).medians?.linkUsed).toBe(0.6)
  })

  test('names each figure by its transport and link', () => {
    const figures = figuresOf(combine(scenario, 'warren-quic', [linkBound]))
    expect(new Set(figures.map(({ name }) => name))).toEqual(new Set(['priority/warren-quic/100mbit']))
    expect(figures.map(({ metric, value, unit }) => [metric, value, unit])).toContainEqual([
      'bulk_goodput',
      88,
      'Mbit/s',
    ])
  })

  test('tells of a machine that was slow, and the p99 without those moments', () => {
    const steady = combine(scenario, 'warren-quic', [linkBound])
    expect(table(scenario, [steady])).not.toContain('slow')
    expect(figuresOf(steady).map(({ metric }) => metric)).not.toContain('machine_slow')
    const slow = combine(scenario, 'warren-quic', [{ ...linkBound, slow: 0.05 }])
    expect(table(scenario, [slow])).toContain('slow for 5.0 % of the time')
    const figures = figuresOf(slow).map(({ metric, value }) => [metric, value])
    expect(figures).toContainEqual(['urgent_loaded_p99', 4])
    expect(figures).toContainEqual(['urgent_loaded_p99_steady', 3])
  })
})

describe('a machine that was slow', () => {
  const slow = new SlowMoments()
  slow.add({ from: 1_000, to: 1_030 })
  slow.add({ from: 1_060, to: 1_090 })

  test('was so for a share of each window', () => {
    expect(slow.shareOf({ from: 0, to: 2_000 })).toBeCloseTo(0.03)
    expect(slow.shareOf({ from: 1_015, to: 1_075 })).toBeCloseTo(0.5)
    expect(slow.shareOf({ from: 1_100, to: 2_000 })).toBe(0)
  })

  test('spoils what was due shortly before and after, and nothing else', () => {
    expect([900, 949, 951, 1_050, 1_239, 1_241].map((due) => slow.isNear(due))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
    ])
  })
})

describe('what arrives in the priority benchmark', () => {
  test('counts an urgent object from the instant at which it was due', () => {
    const arrivals = new Arrivals()
    const due = Number(process.hrtime.bigint()) / 1e6 - 1_000
    arrivals.accept().urgent(urgentObject(due))
    expect(arrivals.urgentBetween(due - 1, due)).toEqual([])
    expect(arrivals.urgentBetween(due, due + 1)[0]?.latency).toBeGreaterThanOrEqual(1_000)
  })

  test('counts bulk to the edges of the window, object by object and peer by peer', () => {
    const arrivals = new Arrivals()
    const began = Number(process.hrtime.bigint()) / 1e6 - 1_000
    arrivals.accept().bulk(1_000)
    arrivals.accept().bulk(3_000)
    const half = arrivals.bulkBetween(began, began, began + 500)
    expect(half).toBeGreaterThan(0)
    expect(half).toBeLessThan(2_001)
    expect(arrivals.bulkBetween(began, began, began + 1e6)).toBe(4_000)
    expect([arrivals.sourcesSince(began), arrivals.sourcesSince(began + 1e6)]).toEqual([2, 0])
  })
})
