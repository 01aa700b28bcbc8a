import { describe, expect, it } from '@jest/globals'
import { backoff, Reconnect } from '../../../lib/dial/reconnect.js'
import { WarrenError } from '../../../lib/errors.js'
import { VirtualClock } from '../virtual-clock.js'

function rig(outcomes: readonly boolean[]): {
  clock: VirtualClock
  reconnect: Reconnect<readonly string[] | undefined>
  dialled: { at: number; protocols: readonly string[] | undefined }[]
  failed: number[]
  timeouts: number[]
} {
  const clock = new VirtualClock()
  const dialled: { at: number; protocols: readonly string[] | undefined }[] = []
  const failed: number[] = []
  const timeouts: number[] = []
  const reconnect = new Reconnect<readonly string[] | undefined>(
    async (protocols, timeout) => {
      timeouts.push(timeout)
      dialled.push({ at: clock.now(), protocols })
      if (outcomes[dialled.length - 1] === false) throw new Error('not yet')
    },
    (_, pause) => failed.push(pause),
    clock,
  )
  return { clock, reconnect, dialled, failed, timeouts }
}

describe('Reconnect', () => {
  it('tries at once, then after pauses that double up to 30 s', async () => {
    const { clock, reconnect, dialled, failed, timeouts } = rig(Array(12).fill(false))
    reconnect.lost(['a'], 60_000)
    await clock.advance(200_000)
    const pauses = dialled.slice(1, 12).map(({ at }, index) => at - (dialled[index]?.at ?? 0))
    expect(dialled[0]).toEqual({ at: 0, protocols: ['a'] })
    expect(failed.slice(0, 11)).toEqual(pauses)
    expect(timeouts.slice(0, 5)).toEqual([10_000, 20_000, 40_000, 80_000, 80_000])
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
  })

  it('spreads its pauses over the whole range', () => {
    expect(backoff(0, 0.9)).toBe(0)
    expect(backoff(3, 0)).toBe(0)
    expect(backoff(3, 0.5)).toBe(200)
    expect(backoff(1_000, 0.5)).toBe(15_000)
  })

  it('stays as close together as handshakes where a peer is silent, so that one that is back is found', () => {
    for (const code of ['ERR_WARREN_NO_HANDSHAKE', 'ERR_WARREN_NO_TRANSPORT'] as const) {
      expect(backoff(1_000, 1, new WarrenError(code, 'silence'))).toBe(5_000)
    }
    expect(backoff(1_000, 1, new WarrenError('ERR_WARREN_NO_COMMON_PROTOCOL', 'another word'))).toBe(30_000)
  })

  it('stops when it is up, and does not start twice', async () => {
    const { clock, reconnect, dialled } = rig([false, true])
    reconnect.lost(undefined, 60_000)
    reconnect.lost(undefined, 60_000)
    await clock.advance(100_000)
    expect(dialled).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('slows down for a connection that does not last, and starts anew after a stable one', async () => {
    const { clock, reconnect, dialled } = rig([])
    for (let loss = 0; loss < 4; loss++) {
      reconnect.lost(undefined, 10)
      await clock.advance(10_000)
    }
    expect(dialled.map(({ at }, index) => at - 10_000 * index)).toEqual([0, 100, 200, 400])
    for (const age of [1_000, 30_000]) {
      reconnect.lost(undefined, age)
      await clock.advance(0)
    }
    expect(dialled).toHaveLength(6)
  })

  it('ends all attempts when told to, until another connection is lost', async () => {
    const { clock, reconnect, dialled } = rig(Array(50).fill(false))
    reconnect.lost(['a'], 0)
    reconnect.lost(['b'], 0)
    await clock.advance(1_000)
    const before = dialled.length
    reconnect.forget()
    await clock.advance(100_000)
    expect(dialled).toHaveLength(before)
    expect(clock.pending).toBe(0)
    reconnect.lost(['a'], 0)
    await clock.advance(0)
    expect(dialled).toHaveLength(before + 1)
  })
})
