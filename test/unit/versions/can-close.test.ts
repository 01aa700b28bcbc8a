import { describe, expect, it } from '@jest/globals'
import { type ClosingFacts, canClose } from '../../../lib/versions/can-close.js'
import { Families } from '../../../lib/versions/families.js'

const list = (...names: string[]) => ({ offer: names, accept: names })

const READY: ClosingFacts<string> = {
  peer: 'x',
  mine: list('p/2', 'p/1'),
  theirs: list('p/2', 'p/1'),
  isConnected: true,
  speaks: false,
  quietFor: undefined,
}

function verdict(facts: Partial<ClosingFacts<string>>, quietFor = 1_000, openFor = 10_000) {
  return canClose('p/1', quietFor, openFor, false, new Families(), [{ ...READY, ...facts }])
}

function why(facts: Partial<ClosingFacts<string>>): string | undefined {
  return verdict(facts).inTheWay[0]?.why
}

describe('canClose', () => {
  it('is yes where everybody has another version, and nobody has spoken this one lately', () => {
    expect(verdict({})).toEqual({ ok: true, isTooEarly: false, isUnknown: false, inTheWay: [] })
    expect(why({ quietFor: 1_000 })).toBeUndefined()
    expect(why({ theirs: list('chat/1') })).toBeUndefined()
    expect(why({ mine: list('p/2'), theirs: { offer: ['p/1'], accept: ['p/1', 'p/2'] } })).toBeUndefined()
  })

  it('is no with the peers that stand in the way, and why', () => {
    expect(why({ theirs: undefined })).toBe('unknown')
    expect(why({ isConnected: false })).toBe('offline')
    expect(why({ theirs: list('p/1') })).toBe('needs-it')
    expect(why({ mine: list('p/1') })).toBe('needs-it')
    expect(why({ mine: { offer: [], accept: ['p/2'] }, theirs: { offer: ['p/1'], accept: ['p/2'] } })).toBe('needs-it')
    expect(why({ speaks: true })).toBe('connected')
    expect(why({ quietFor: 999 })).toBe('spoken')
    expect(verdict({ speaks: true })).toMatchObject({ ok: false, inTheWay: [{ peer: 'x', why: 'connected' }] })
  })

  it('is no where the device is open for less than the time that is asked for', () => {
    expect(verdict({}, 10_001)).toEqual({ ok: false, isTooEarly: true, isUnknown: false, inTheWay: [] })
  })
})
