import { describe, expect, it, jest } from '@jest/globals'
import { Wakeup } from '../../../lib/drivers/wakeup.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function rig(): { calls: number[]; wakeup: Wakeup; now: () => number } {
  const calls: number[] = []
  const now = () => performance.now()
  return { calls, wakeup: new Wakeup(now, () => calls.push(now())), now }
}

/** Lets an instant pass: another one, which is asked later and for later, comes after it. */
async function another(instant: number): Promise<void> {
  while (performance.now() < instant)
    await new Promise<void>((resolve) => new Wakeup(() => performance.now(), resolve).at(instant))
  await turn()
}

describe('Wakeup', () => {
  it('calls back once in the next turn, however often it is asked', async () => {
    const { calls, wakeup } = rig()
    wakeup.soon()
    wakeup.soon()
    expect(calls).toHaveLength(0)
    await turn()
    expect(calls).toHaveLength(1)
    wakeup.soon()
    await turn()
    expect(calls).toHaveLength(2)
  })

  it('comes by turns of the event loop where a timer has no part of a millisecond, and by one timer before', async () => {
    for (const delay of [0.2, 1.5, 7.3]) {
      const { calls, wakeup, now } = rig()
      const deadline = now() + delay
      let asked = 0
      while ((calls.at(-1) ?? 0) < deadline) {
        wakeup.at(deadline)
        asked += 1
        const before = calls.length
        while (calls.length === before) await turn()
        // A timer counts from the start of the turn that set it, so it may be early by what the turn took; never at once.
        if (asked === 1 && delay >= 1) expect(calls[0]).toBeGreaterThan(deadline - delay)
      }
      expect(calls).toHaveLength(asked)
      wakeup.stop()
    }
  })

  it('forgets the instant before when there is another, or none', async () => {
    const { calls, wakeup, now } = rig()
    wakeup.at(now() + 3)
    wakeup.at(now() + 60_000)
    await another(now() + 6)
    expect(calls).toHaveLength(0)
    wakeup.at(now() + 3)
    wakeup.at(undefined)
    await another(now() + 6)
    expect(calls).toHaveLength(0)
    wakeup.stop()
  })

  it('does nothing after it was stopped', async () => {
    const { calls, wakeup, now } = rig()
    wakeup.soon()
    wakeup.at(now() + 2)
    wakeup.stop()
    wakeup.soon()
    wakeup.at(now())
    await another(now() + 5)
    expect(calls).toHaveLength(0)
  })

  it('runs on under fake timers', async () => {
    jest.useFakeTimers()
    try {
      const called = new Promise<void>((resolve) => new Wakeup(() => performance.now(), resolve).soon())
      await called
    } finally {
      jest.useRealTimers()
    }
  })
})
