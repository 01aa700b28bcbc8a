import { describe, expect, it } from '@jest/globals'
import { Announcer } from '../../../lib/versions/announcer.js'
import { VirtualClock } from '../virtual-clock.js'

describe('Announcer', () => {
  it('tells at once, and ten times a second at most, the last of which is never left out', async () => {
    const clock = new VirtualClock()
    const told: number[] = []
    let value = 0
    const announcer = new Announcer(() => told.push(value), clock)
    for (let step = 0; step < 1_000; step++) {
      value += 1
      announcer.changed()
      await clock.advance(1)
    }
    await clock.advance(1_000)
    expect(told[0]).toBe(1)
    expect(told.length).toBeLessThanOrEqual(12)
    expect(told.at(-1)).toBe(1_000)
    expect(clock.pending).toBe(0)
  })
})
