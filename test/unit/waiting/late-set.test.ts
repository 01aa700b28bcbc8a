import { expect, test } from '@jest/globals'
import { LateSet } from '../../../lib/waiting/late-set.js'

test('a set that nothing was put into reads as an empty one', () => {
  const set = new LateSet<string>()
  expect([set.size, set.has('a'), set.delete('a'), [...set]]).toEqual([0, false, false, []])
})

test('a set that something was put into is as any other', () => {
  const set = new LateSet<string>()
  set.add('a')
  set.add('b')
  set.add('a')
  expect([set.size, set.has('a'), set.delete('a'), set.delete('a'), [...set]]).toEqual([2, true, true, false, ['b']])
})
