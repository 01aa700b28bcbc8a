import { expect, test } from '@jest/globals'
import { LateMap } from '../../../lib/waiting/late-map.js'
import { LateSet } from '../../../lib/waiting/late-set.js'

test('an empty one has nothing, and takes what is put into it', () => {
  const map = new LateMap<string, number>()
  expect([map.size, map.get('a'), map.has('a'), map.delete('a')]).toEqual([0, undefined, false, false])
  expect([[...map], [...map.keys()], [...map.values()]]).toEqual([[], [], []])
  map.set('b', 1)
  map.set('a', 2)
  map.set('b', 3)
  expect([...map]).toEqual([
    ['b', 3],
    ['a', 2],
  ])
  expect([map.size, map.get('b'), map.has('a'), map.delete('a'), map.has('a')]).toEqual([2, 3, true, true, false])
  map.clear()
  expect([map.size, [...map.values()]]).toEqual([0, []])
})

test('a set has nothing at first, and then each value once', () => {
  const set = new LateSet<number>()
  expect([set.size, set.delete(1), [...set]]).toEqual([0, false, []])
  for (const value of [2, 1, 2]) set.add(value)
  expect([set.size, [...set], set.delete(2), [...set]]).toEqual([2, [2, 1], true, [1]])
})
