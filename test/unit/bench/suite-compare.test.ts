import { describe, expect, test } from '@jest/globals'
import { compare, comparison } from '../../../bench/suite/compare.js'
import { run } from './suite-figures'

const before = run({ warren: [5, 5.1, 4.9], 'node:net': [50, 51, 49], libp2p: [8, 8.1, 7.9] })

describe('the comparison of two runs', () => {
  test('sees no change on a machine that is slower as a whole', () => {
    const slower = run({ warren: [2.5, 2.6, 2.4], 'node:net': [25, 26, 24], libp2p: [4, 4.1, 3.9] })
    expect(compare(before, slower).map(({ verdict }) => verdict)).toEqual(['same'])
  })

  test('sees that warren fell behind its peers', () => {
    const worse = run({ warren: [4, 4.1, 3.9], 'node:net': [50, 51, 49], libp2p: [8, 8.1, 7.9] })
    const judgements = compare(before, worse)
    expect(judgements.map(({ verdict, metric }) => [verdict, metric])).toEqual([['worse', 'goodput']])
    expect(comparison(judgements)).toMatch(
      /worse: loopback\/stream\/warren, goodput\n {4}to node:net: 0\.100 .* before, 0\.0800/,
    )
    expect(compare(worse, before)[0]?.verdict).toBe('better')
  })

  test('does not blame warren for one peer that became faster', () => {
    const peer = run({ warren: [5, 5.1, 4.9], 'node:net': [50, 51, 49], libp2p: [16, 16.1, 15.9] })
    expect(compare(before, peer)[0]?.verdict).toBe('same')
  })

  test('needs ranges that do not meet', () => {
    const wide = run({ warren: [3, 4, 5], 'node:net': [50, 51, 49], libp2p: [8, 8.1, 7.9] })
    expect(compare(before, wide)[0]?.verdict).toBe('same')
  })

  test('judges a figure of which less is better the other way round', () => {
    const metrics = [{ name: 'goodput', unit: 's/GB', better: 'lower' }] as const
    const [cheap, dear] = [
      [2, 2.1],
      [3, 3.1],
    ].map((warren) => run({ warren, 'node:net': [1, 1] }, { metrics }))
    expect(compare(cheap as typeof before, dear as typeof before)[0]?.verdict).toBe('worse')
  })

  test('judges a ratio by itself', () => {
    const metrics = [{ name: 'goodput', unit: 'of quiet', better: 'higher', isRatio: true }] as const
    const [half, tenth] = [
      [0.5, 0.52],
      [0.1, 0.12],
    ].map((warren) => run({ warren }, { metrics }))
    expect(compare(half as typeof before, tenth as typeof before)[0]?.verdict).toBe('worse')
  })

  test('judges nothing that was disturbed, and nothing that stands alone', () => {
    const rows = ['warren', 'node:net'].map((subject) => ({ subject, values: { goodput: [1, 1] }, disturbed: 1 }))
    expect(compare(before, run({}, { rows }))[0]?.verdict).toBe('disturbed')
    expect(compare(run({ warren: [1] }), run({ warren: [2] }))).toEqual([])
  })
})
