import { describe, expect, it } from '@jest/globals'
import { NewestLists } from '../../../lib/versions/their-lists.js'

const lists = (generation: number | undefined, ...names: string[]) => ({
  generation,
  offer: names,
  accept: names,
  transports: ['quic/1'],
})

describe('NewestLists', () => {
  it('never go back to an older list, on whichever connection it comes', () => {
    const known = new NewestLists()
    expect(known.current).toBeUndefined()
    expect(known.learn(lists(3, 'a'))).toBe(true)
    expect(known.learn(lists(2, 'b'))).toBe(false)
    expect(known.learn(lists(3, 'c'))).toBe(false)
    expect(known.current?.offer).toEqual(['a'])
    expect(known.learn(lists(4, 'a'))).toBe(false)
    expect(known.learn(lists(5, 'b'))).toBe(true)
  })

  it('begin anew with the next process, and stay known meanwhile', () => {
    const known = new NewestLists()
    known.learn(lists(9, 'a'))
    known.left()
    expect(known.current?.offer).toEqual(['a'])
    expect(known.learn(lists(1, 'b'))).toBe(true)
    expect(known.learn(lists(1, 'c'))).toBe(false)
  })

  it('take those of a build without generations as they come with each first connection', () => {
    const known = new NewestLists()
    expect(known.learn(lists(undefined, 'a'))).toBe(true)
    known.left()
    expect(known.learn(lists(undefined, 'a', 'b'))).toBe(true)
  })
})
