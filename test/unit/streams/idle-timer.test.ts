import { describe, expect, it } from '@jest/globals'
import { IdleTimer } from '../../../lib/streams/idle-timer.js'
import { VirtualClock } from '../virtual-clock.js'

function rig(): { clock: VirtualClock; timer: IdleTimer; fired: number[] } {
  const clock = new VirtualClock()
  const fired: number[] = []
  return { clock, fired, timer: new IdleTimer(clock, () => fired.push(clock.now())) }
}

describe('IdleTimer', () => {
  it('tells of silence once, and again after the next activity', async () => {
    const { clock, timer, fired } = rig()
    timer.set(100)
    await clock.advance(1_000)
    expect(fired).toEqual([100])
    timer.active()
    await clock.advance(1_000)
    expect(fired).toEqual([100, 1_100])
  })

  it('waits as long as there is activity', async () => {
    const { clock, timer, fired } = rig()
    timer.set(100)
    for (let round = 0; round < 50; round++) {
      await clock.advance(40)
      timer.active()
    }
    expect(fired).toEqual([])
    await clock.advance(100)
    expect(fired).toEqual([2_100])
  })

  it('tells nothing when it is set to 0 or stopped, and leaves no timer', async () => {
    const { clock, timer, fired } = rig()
    for (const end of [() => timer.set(0), () => timer.stop()]) {
      timer.set(100)
      end()
      timer.active()
      expect(clock.pending).toBe(0)
    }
    await clock.advance(1_000)
    expect(fired).toEqual([])
  })
})
