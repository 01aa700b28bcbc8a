import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS, engineLimits, limits } from '../../../lib/arguments/limits.js'
import { ENGINE_LIMITS, LIMIT_RULES, type Limits } from '../../../lib/generated/limits.js'

const NAMES = Object.keys(LIMIT_RULES) as (keyof Limits)[]

describe('limits', () => {
  it('are all there where an application names none', () => {
    expect(limits({}, 'limits')).toEqual(DEFAULT_LIMITS)
    expect(Object.keys(DEFAULT_LIMITS)).toEqual(NAMES)
    expect(DEFAULT_LIMITS).toMatchObject({ peers: 65_536, queuedBytes: 256 * 2 ** 20 })
  })

  it.each(NAMES)('%s takes the values of its row, and no others', (limit) => {
    const { least, most } = LIMIT_RULES[limit]
    for (const value of [least, most]) expect(limits({ [limit]: value }, 'limits')[limit]).toBe(value)
    for (const value of [least - 1, most + 1, least + 0.5]) {
      expect(() => limits({ [limit]: value }, 'limits')).toThrow(`limits.${limit}`)
    }
  })

  it('have a quarter of the peers from one address, rounded up, where nothing is said', () => {
    expect(limits({}, 'limits').peersPerAddress).toBe(16_384)
    expect(limits({ peers: 5 }, 'limits').peersPerAddress).toBe(2)
    expect(limits({ peers: 5, peersPerAddress: 5 }, 'limits').peersPerAddress).toBe(5)
  })

  it('of the engine are handed to it, and no others', () => {
    expect(Object.keys(engineLimits(DEFAULT_LIMITS))).toEqual(ENGINE_LIMITS)
    expect(engineLimits(limits({ messageBytes: 7 }, 'limits')).messageBytes).toBe(7)
  })
})
