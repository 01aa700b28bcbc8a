import { describe, expect, it } from '@jest/globals'
import { protocolLists } from '../../../lib/versions/protocols.js'

const parse = (value: unknown): unknown => protocolLists(value, 'protocols')

describe('protocols', () => {
  it('takes a list for all three', () => {
    expect(parse(['b', 'a'])).toEqual({ offer: ['b', 'a'], accept: ['b', 'a'] })
    expect(parse([])).toEqual({ offer: [], accept: [] })
  })

  it('takes each by itself', () => {
    expect(parse({ accept: ['a', 'b'] })).toEqual({ offer: ['a', 'b'], accept: ['a', 'b'] })
    expect(parse({ offer: ['a'], accept: ['a', 'b'] })).toEqual({ offer: ['a'], accept: ['a', 'b'] })
    expect(parse({ offer: [], accept: ['a'] })).toEqual({ offer: [], accept: ['a'] })
    expect(parse({ offer: ['a', 'b'], accept: ['a', 'b', 'c'], prefer: ['c', 'b'] })).toEqual({
      offer: ['b', 'a'],
      accept: ['c', 'b', 'a'],
    })
    expect(parse({ offer: ['a', 'b'], prefer: 'b' })).toEqual({ offer: ['b', 'a'], accept: ['b', 'a'] })
  })

  it('says what is wrong', () => {
    expect(() => parse('a')).toThrow(/protocols must be an array, or an object with offer, accept, prefer; got "a"/)
    expect(() => parse({})).toThrow(/protocols must be a list, or an object with offer, accept or both/)
    expect(() => parse({ offers: ['a'] })).toThrow(/protocols\.offers is not an option/)
    expect(() => parse({ offer: ['a', 'b'], accept: ['b', 'a'] })).toThrow(/\(prefer says which is better\); got "a"/)
    expect(() => parse({ offer: ['a'], prefer: ['b'] })).toThrow(/protocols\.prefer must be names that are offered/)
    expect(() => parse({ offer: ['a', 'a'] })).toThrow(/protocols\.offer must be a list that names each protocol once/)
  })

  it('lets a preference settle what the lists contradict', () => {
    expect(parse({ offer: ['a', 'b'], accept: ['b', 'a'], prefer: ['a'] })).toEqual({
      offer: ['a', 'b'],
      accept: ['a', 'b'],
    })
  })
})
