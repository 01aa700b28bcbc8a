import { describe, expect, it } from '@jest/globals'
import { lanes, policyOf } from '../../../lib/outbox/lanes.js'

describe('lanes', () => {
  it('fills in what is left out', () => {
    const parsed = lanes({ 0: { rate: 1_000 }, 255: { full: 'drop-oldest', maxQueuedBytes: 5 }, 7: {} }, 'lanes')
    expect([...parsed.values()]).toEqual([
      { priority: 0, full: 'wait', maxQueuedBytes: 4 * 2 ** 20, rate: 1_000 },
      { priority: 7, full: 'wait', maxQueuedBytes: 4 * 2 ** 20, rate: undefined },
      { priority: 255, full: 'drop-oldest', maxQueuedBytes: 5, rate: undefined },
    ])
    expect(policyOf(parsed, 255)).toMatchObject({ full: 'drop-oldest', maxQueuedBytes: 5 })
    expect(policyOf(parsed, 9)).toEqual({ full: 'wait', maxQueuedBytes: 4 * 2 ** 20 })
  })

  it('takes a lane that is undefined as left out', () => {
    expect(lanes({ 3: undefined }, 'lanes').size).toBe(0)
  })

  it.each([
    [null, 'lanes must be an object whose keys are priorities; got null'],
    [[{ full: 'wait' }], 'lanes must be an object whose keys are priorities; got an array of 1'],
    [new Map([[1, {}]]), 'lanes must be an object whose keys are priorities; got an instance of Map'],
    [{ 256: {} }, 'A key of lanes must be a priority from 0 to 255; got "256"'],
    [{ '01': {} }, 'A key of lanes must be a priority from 0 to 255; got "01"'],
    [{ high: {} }, 'A key of lanes must be a priority from 0 to 255; got "high"'],
    [{ 1: 'wait' }, 'lanes[1] must be an object with some of full, maxQueuedBytes, rate; got "wait"'],
    [{ 1: { full: 'drop' } }, `lanes[1].full must be 'wait' or 'drop-oldest' or 'drop-newest' or 'close'; got "drop"`],
    [{ 1: { maxQueuedBytes: 0 } }, 'lanes[1].maxQueuedBytes must be an integer from 1 to 4294967295 (bytes); got 0'],
    [{ 1: { rate: '1' } }, 'lanes[1].rate must be an integer from 1 to'],
    [{ 1: { bytes: 1 } }, 'lanes[1].bytes is not an option; there are full, maxQueuedBytes, rate'],
  ])('refuses %p and says why', (table, message) => {
    expect(() => lanes(table, 'lanes')).toThrow(message)
  })
})
