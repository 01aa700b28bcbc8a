import { describe, expect, it } from '@jest/globals'
import { Attention } from '../../../lib/waiting/attention.js'

describe('Attention', () => {
  it('is told of the first that waits and of the last that stops, and of none between', () => {
    const told: boolean[] = []
    const attention = new Attention((heeding) => told.push(heeding))
    attention.begin()
    attention.begin()
    attention.end()
    expect(told).toEqual([true])
    attention.end()
    attention.begin()
    expect(told).toEqual([true, false, true])
  })
})
