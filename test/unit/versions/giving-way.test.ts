import { describe, expect, it } from '@jest/globals'
import { GivingWay } from '../../../lib/versions/giving-way.js'
import { defer } from '../../../lib/waiting/deferred.js'
import { settle, VirtualClock } from '../virtual-clock.js'

function rig({ isAnswered = true, areTheyFinished = false } = {}) {
  const clock = new VirtualClock()
  const done: string[] = []
  const drained = defer<void>()
  const received = { bytes: 0, areHeld: false }
  const way = new GivingWay(
    {
      grace: 5_000,
      isAnswered,
      endAdmission: () => done.push(`admits nothing at ${clock.now()}`),
      drained: () => drained.promise,
      finish: () => done.push('finished'),
      received: () => ({ ...received }),
      close: () => done.push('closed'),
    },
    clock,
    areTheyFinished,
  )
  return { clock, done, drained, received, way }
}

describe('GivingWay', () => {
  it('admits until the grace ends, delivers, says so, and closes when the other end has said so', async () => {
    const { clock, done, drained, way } = rig()
    await clock.advance(4_999)
    expect(done).toEqual([])
    await clock.advance(1_000)
    expect(done).toEqual(['admits nothing at 5000'])
    drained.resolve()
    await settle()
    expect(done.slice(1)).toEqual(['finished'])
    await clock.advance(10_000)
    way.theyFinished()
    way.theyFinished()
    expect(done.slice(2)).toEqual(['closed'])
    expect(clock.pending).toBe(0)
  })

  it('closes at its own end where the other one was first', async () => {
    for (const before of [true, false]) {
      const { clock, done, drained, way } = rig({ areTheyFinished: before })
      if (!before) way.theyFinished()
      drained.resolve()
      await clock.advance(5_000)
      expect(done.slice(1)).toEqual(['finished', 'closed'])
    }
  })

  it('ends its grace early when it is told to, and all of it at a limit', async () => {
    const { clock, done, drained, way } = rig()
    await clock.advance(1_000)
    way.hasten()
    way.hasten(500)
    way.hasten(10_000)
    expect(done).toEqual(['admits nothing at 1000'])
    drained.resolve()
    await settle()
    expect([done.at(-1), way.isFinished]).toEqual(['finished', true])
    await clock.advance(499)
    expect(done.at(-1)).toBe('finished')
    await clock.advance(1)
    expect(done.at(-1)).toBe('closed')
    way.hasten(1)
    way.theyFinished()
    await clock.advance(120_000)
    expect(done.filter((what) => what === 'closed')).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('asks for no word of a peer that knows none', async () => {
    const { clock, done, drained } = rig({ isAnswered: false })
    drained.resolve()
    await clock.advance(5_000)
    expect(done.at(-1)).toBe('closed')
  })

  it('waits for a peer that sends on, and for a reader here, not for one that never finishes', async () => {
    const { clock, done, drained, received } = rig()
    drained.resolve()
    await clock.advance(5_000)
    for (let minute = 0; minute < 10; minute++) {
      received.bytes += 5_000
      await clock.advance(55_000)
    }
    received.areHeld = true
    await clock.advance(600_000)
    expect(done.at(-1)).toBe('finished')
    received.areHeld = false
    received.bytes += 1_000
    await clock.advance(70_000)
    expect(done.at(-1)).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  it('does nothing more once the connection is over', async () => {
    const { clock, done, drained, way } = rig()
    await clock.advance(5_000)
    way.ended()
    drained.resolve()
    await clock.advance(600_000)
    expect(done).toEqual(['admits nothing at 5000'])
  })
})
