import { describe, expect, it } from '@jest/globals'
import { Deadlines, type Due } from '../../../lib/outbox/deadlines.js'
import { Generator } from '../generator.js'
import { VirtualClock } from '../virtual-clock.js'

function rig(): { clock: VirtualClock; deadlines: Deadlines; late: number[]; due(deadline: number): Due } {
  const clock = new VirtualClock()
  const late: number[] = []
  const due = (deadline: number): Due => ({ deadline, place: -1, late: () => late.push(deadline) })
  return { clock, deadlines: new Deadlines(clock), late, due }
}

describe('Deadlines', () => {
  it('come in the order of time, whatever the order in which they were set, on one timer', async () => {
    const { clock, deadlines, late, due } = rig()
    const random = new Generator(5)
    const times = Array.from({ length: 500 }, () => random.below(10_000))
    for (const time of times) {
      deadlines.add(due(time))
      expect(clock.pending).toBe(1)
    }
    await clock.advance(10_000)
    expect(late).toEqual(times.sort((a, b) => a - b))
    expect(clock.pending).toBe(0)
  })

  it('do not come when they were removed, and an earlier one comes before the timer that was set', async () => {
    const { clock, deadlines, late, due } = rig()
    const [removed, later, earlier] = [due(5), due(50), due(20)]
    for (const one of [removed, later, earlier]) deadlines.add(one)
    deadlines.remove(removed)
    deadlines.remove(removed)
    await clock.advance(20)
    expect(late).toEqual([20])
    await clock.advance(30)
    expect(late).toEqual([20, 50])
  })

  it('may set others as they come, and are none once closed', async () => {
    const { clock, deadlines, late, due } = rig()
    deadlines.add({ deadline: 5, place: -1, late: () => deadlines.add(due(8)) })
    await clock.advance(10)
    expect(late).toEqual([8])
    deadlines.add(due(20))
    deadlines.close()
    expect(clock.pending).toBe(0)
  })

  it('may be further away than a timer can be', async () => {
    const { clock, deadlines, late, due } = rig()
    deadlines.add(due(2 ** 31 + 100))
    await clock.advance(2 ** 31 - 1)
    expect([late, clock.pending]).toEqual([[], 1])
    await clock.advance(200)
    expect(late).toEqual([2 ** 31 + 100])
  })
})
