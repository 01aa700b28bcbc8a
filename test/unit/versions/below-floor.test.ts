import { describe, expect, it } from '@jest/globals'
import { BelowFloor, type BelowFloorLink } from '../../../lib/versions/below-floor.js'
import { settle, VirtualClock } from '../virtual-clock.js'

function rig(changes: Partial<BelowFloorLink<string>> = {}) {
  const clock = new VirtualClock()
  const state = { grace: 1_000 as number | undefined, current: ['used'] }
  const done: string[] = []
  const below = new BelowFloor<string>(
    {
      floorAbove: () => (state.grace === undefined ? undefined : { protocol: 'p/2', from: 0, grace: state.grace }),
      isCurrent: (connection) => state.current.includes(connection),
      move: () => undefined,
      hasten: (connection, limit) => done.push(`${connection} hastened at ${clock.now()}, over in ${limit}`),
      close: (connection, { protocol }) => done.push(`${connection} closed at ${clock.now()} for ${protocol}`),
      ...changes,
    },
    clock,
  )
  return { clock, state, done, below }
}

describe('connections below a floor', () => {
  it('end when its grace does: the one that is used closes, those that gave way deliver what they have', async () => {
    const { clock, done, below } = rig()
    below.check(['used', 'old'])
    await clock.advance(500)
    below.check(['used', 'old'])
    await clock.advance(499)
    expect(done).toEqual([])
    await clock.advance(1)
    await settle()
    expect(done.sort()).toEqual(['old hastened at 1000, over in 5000', 'used closed at 1000 for p/2'])
  })

  it('stay where the floor is taken back, and where they are over before', async () => {
    const { clock, state, done, below } = rig()
    below.check(['used', 'gone'])
    below.ended('gone')
    state.grace = undefined
    below.check(['used'])
    expect(clock.pending).toBe(0)
    state.grace = 10
    below.check(['used'])
    below.stop()
    await clock.advance(10_000)
    expect(done).toEqual([])
  })

  it('have the shorter grace of two floors', async () => {
    const { clock, state, done, below } = rig()
    below.check(['used'])
    state.grace = 200
    below.check(['used'])
    state.grace = 5_000
    below.check(['used'])
    await clock.advance(200)
    await settle()
    expect(done).toEqual(['used closed at 200 for p/2'])
  })

  it('move at the last moment rather than close, if that can be', async () => {
    const { clock, state, done, below } = rig({
      move: async () => {
        state.current = []
      },
    })
    below.check(['used'])
    await clock.advance(1_000)
    await settle()
    expect(done).toEqual(['used hastened at 1000, over in 5000'])
  })

  it('close where the last move fails', async () => {
    const { clock, done, below } = rig({ move: () => Promise.reject(new Error('no')) })
    below.check(['used'])
    await clock.advance(1_000)
    await settle()
    expect(done).toEqual(['used closed at 1000 for p/2'])
  })
})
