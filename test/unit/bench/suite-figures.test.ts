import { describe, expect, test } from '@jest/globals'
import { between, isDisturbed } from '../../../bench/suite/machine.js'
import { plan } from '../../../bench/suite/plan.js'
import { areApart, ratios, spread } from '../../../bench/suite/spread.js'

describe('rounds of the benchmark', () => {
  test('say their median with the least and the most', () => {
    expect(spread([3, 1, 5, 4, 2])).toEqual({ median: 3, low: 1, high: 5 })
    expect(spread([4, 2])).toEqual({ median: 3, low: 2, high: 4 })
  })

  test('are without those that gave nothing', () => {
    expect(spread([Number.NaN, 2, Number.POSITIVE_INFINITY])).toEqual({ median: 2, low: 2, high: 2 })
    expect(spread([])).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN })
  })

  test('are compared with the same round of another', () => {
    // A machine that is half as fast in one round is so for both.
    expect(ratios([10, 5, 10], [20, 10, 20])).toEqual([0.5, 0.5, 0.5])
    expect(ratios([1, 2, 3], [2])).toEqual([0.5])
  })

  test('have moved when their ranges do not meet', () => {
    expect(areApart(spread([1, 2]), spread([3, 4]))).toBe(true)
    expect(areApart(spread([3, 4]), spread([1, 2]))).toBe(true)
    expect(areApart(spread([1, 3]), spread([2, 4]))).toBe(false)
  })
})

describe('a window of the benchmark', () => {
  const reading = { at: 0, busy: 0, stolen: 0, own: 0 }

  test('is disturbed by work of others, not by its own', () => {
    const busy = { at: 1_000, busy: 1.9, stolen: 0 }
    expect(isDisturbed(between(reading, { ...busy, own: 1.9 }))).toBe(false)
    expect(isDisturbed(between(reading, { ...busy, own: 0 }))).toBe(true)
  })

  test('is disturbed by a host that takes processors away', () => {
    expect(isDisturbed(between(reading, { at: 1_000, busy: 0, stolen: 1, own: 0 }))).toBe(true)
  })
})

describe('the plan of the benchmark', () => {
  test('names each figure once', () => {
    const names = plan().flatMap(({ path, load, subjects }) =>
      subjects.map(({ name }) => `${path}/${load.name}/${name}`),
    )
    expect(new Set(names).size).toBe(names.length)
  })

  test('has warren first in each load, which the others are compared with', () => {
    for (const { subjects } of plan()) expect(subjects[0]?.name).toMatch(/^warren\b/)
  })

  test('has a peer or a limit beside each figure that is no ratio, no memory and no scale', () => {
    const alone = plan().filter(({ subjects }) => subjects.every(({ name }) => name.startsWith('warren')))
    expect(alone.map(({ load }) => load.name)).toEqual(['urgent', 'idle-peers', 'scale'])
  })
})
