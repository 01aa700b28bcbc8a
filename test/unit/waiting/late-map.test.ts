import { expect, test } from '@jest/globals'
import { LateMap } from '../../../lib/waiting/late-map.js'

test('a map that nothing was put into reads as an empty one', () => {
  const map = new LateMap<string, number>()
  expect([map.size, map.get('a'), map.has('a'), map.delete('a')]).toEqual([0, undefined, false, false])
  expect([[...map], [...map.keys()], [...map.values()]]).toEqual([[], [], []])
})

test('a map that something was put into is as any other, and empty again once it is cleared', () => {
  const map = new LateMap<string, number>()
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  expect([map.size, map.get('a'), map.has('b'), map.delete('b'), map.delete('b')]).toEqual([2, 3, true, true, false])
  expect([[...map], [...map.keys()], [...map.values()]]).toEqual([[['a', 3]], ['a'], [3]])
  map.clear()
  expect([map.size, map.has('a'), [...map]]).toEqual([0, false, []])
})
