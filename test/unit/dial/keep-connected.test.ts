import { describe, expect, it } from '@jest/globals'
import type { Connection } from '../../../lib/connection/connection.js'
import { KeepConnected } from '../../../lib/dial/keep-connected.js'
import type { DriverClose } from '../../../lib/driver.js'
import { settle, VirtualClock } from '../virtual-clock.js'

const CONNECTION = {} as Connection
const ANY = { protocols: undefined }

class Rig {
  readonly clock = new VirtualClock()
  readonly dialled: number[] = []
  readonly offers: (readonly string[] | undefined)[] = []
  readonly timeouts: number[] = []
  readonly failures: number[] = []
  readonly signals: AbortSignal[] = []
  live: Connection | undefined
  /** What becomes of a dial, in this many milliseconds. */
  dial: () => Promise<void> = () => Promise.reject(new Error('nobody there'))
  readonly keep = new KeepConnected(
    {
      find: () => this.live,
      dial: ({ protocols }, timeout, signal) => {
        this.timeouts.push(timeout)
        this.dialled.push(this.clock.now())
        this.offers.push(protocols)
        this.signals.push(signal)
        return this.dial()
      },
      failed: (_, pause) => this.failures.push(pause),
    },
    this.clock,
  )

  succeed(): void {
    this.dial = async () => {
      this.live = CONNECTION
      this.keep.arrived()
    }
  }

  lose(cause: DriverClose['cause'], age: number, by: DriverClose['by'] = 'network'): void {
    this.live = undefined
    this.keep.lost({ by, code: 0, reason: '', cause }, by === 'network' || cause === 'peer-restarted', age)
  }
}

describe('KeepConnected', () => {
  it('dials at once, then ever longer after pauses that double up to 30 s, until it is told otherwise', async () => {
    const { clock, keep, dialled, failures, timeouts } = new Rig()
    keep.order(ANY)
    await clock.advance(300_000)
    expect(timeouts.slice(0, 6)).toEqual([10_000, 20_000, 40_000, 80_000, 80_000, 80_000])
    const pauses = dialled.slice(1, 13).map((at, index) => at - (dialled[index] ?? 0))
    expect(dialled[0]).toBe(0)
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000])
    expect(failures.slice(0, 12)).toEqual(pauses)
    keep.stop()
    const before = dialled.length
    await clock.advance(300_000)
    expect(dialled).toHaveLength(before)
    expect(clock.pending).toBe(0)
  })

  it('rests while a connection is up, whoever dialled it', async () => {
    const rig = new Rig()
    rig.keep.order(ANY)
    await rig.clock.advance(1_000)
    const before = rig.dialled.length
    rig.live = CONNECTION
    rig.keep.arrived()
    expect(rig.clock.pending).toBe(0)
    await rig.clock.advance(100_000)
    expect(rig.dialled).toHaveLength(before)
  })

  it('dials again at once after the loss of a connection that lasted, and ever later where none does', async () => {
    const rig = new Rig()
    rig.succeed()
    rig.keep.order(ANY)
    await rig.clock.advance(60_000)
    for (let loss = 0; loss < 4; loss++) {
      rig.lose('peer-dead', 10)
      await rig.clock.advance(10_000)
    }
    expect(rig.dialled.slice(1).map((at, index) => at - 60_000 - index * 10_000)).toEqual([100, 200, 400, 800])
    rig.lose('peer-restarted', 30_000)
    await rig.clock.advance(0)
    expect(rig.dialled).toHaveLength(6)
    expect(rig.failures).toEqual([])
  })

  it('dials at once however often the peer restarts, if that took a second to be found out', async () => {
    const rig = new Rig()
    rig.succeed()
    rig.keep.order(ANY)
    await rig.clock.advance(2_000)
    for (let loss = 1; loss <= 8; loss++) {
      rig.lose('peer-restarted', 1_100, 'remote')
      await rig.clock.advance(0)
      expect(rig.dialled).toHaveLength(loss + 1)
    }
  })

  it.each<DriverClose['by']>(['local', 'remote'])(
    'dials a second later after a close by the %s application',
    async (by) => {
      const rig = new Rig()
      rig.succeed()
      rig.keep.order(ANY)
      await rig.clock.advance(60_000)
      rig.lose('application', 60_000, by)
      await rig.clock.advance(999)
      expect(rig.dialled).toHaveLength(1)
      await rig.clock.advance(1)
      expect(rig.dialled).toHaveLength(2)
    },
  )

  it('uses a session that the peer made, and is not driven by one that comes and goes', async () => {
    const { clock, keep, dialled } = new Rig()
    keep.order(ANY)
    await clock.advance(100_000)
    const before = dialled.length
    keep.reachable()
    await clock.advance(0)
    expect(dialled).toHaveLength(before + 1)
    for (let round = 0; round < 100; round++) {
      keep.reachable()
      await clock.advance(9)
    }
    expect(dialled).toHaveLength(before + 1)
  })

  it('gives up its dial when the order is taken back, and begins anew with another', async () => {
    const rig = new Rig()
    rig.dial = () => new Promise(() => {})
    rig.keep.order({ protocols: ['a'] })
    await rig.clock.advance(0)
    rig.keep.order({ protocols: ['b'] })
    await rig.clock.advance(0)
    expect(rig.offers).toEqual([['a'], ['b']])
    expect(rig.signals.map(({ aborted }) => aborted)).toEqual([true, false])
    rig.keep.order(undefined)
    expect(rig.signals[1]?.aborted).toBe(true)
    expect(rig.clock.pending).toBe(0)
  })

  it('changes nothing for the same order again', async () => {
    const rig = new Rig()
    rig.keep.order(ANY)
    await rig.clock.advance(100_000)
    const before = rig.dialled.length
    rig.keep.order({ protocols: undefined })
    await rig.clock.advance(0)
    expect(rig.dialled).toHaveLength(before)
  })

  it('dials again when the connection was lost before the dial told of it', async () => {
    const rig = new Rig()
    rig.dial = async () => {
      rig.live = CONNECTION
      rig.lose('peer-dead', 0)
    }
    rig.keep.order(ANY)
    await rig.clock.advance(150)
    await settle()
    expect(rig.dialled).toEqual([0, 100])
  })
})
