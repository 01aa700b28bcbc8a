import { describe, expect, it } from '@jest/globals'
import { Strangers } from '../../../lib/device/strangers.js'
import type { Guest } from '../../../lib/peer/guest.js'
import { VirtualClock } from '../virtual-clock.js'

const MINUTE = 60_000

class Rig {
  readonly clock = new VirtualClock()
  readonly strangers = new Strangers({ forgetAfter: 9 * MINUTE, perAddress: 3 }, this.clock)
  readonly dropped: string[] = []
  readonly reasons: string[] = []
  readonly inUse = new Set<string>()
  readonly heard = new Map<string, number>()
  readonly endpoints = new Map<string, string>()

  letIn(key: string, endpoint = `192.0.2.${this.endpoints.size}:1`): void {
    this.endpoints.set(key, endpoint)
    const guest: Guest = {
      endpoint: () => this.endpoints.get(key),
      isInUse: () => this.inUse.has(key),
      silentFor: () => {
        const heard = this.heard.get(key)
        return heard === undefined ? undefined : this.clock.now() - heard
      },
      drop: (reason) => {
        this.dropped.push(key)
        this.reasons.push(reason)
      },
    }
    this.strangers.add(key, guest)
  }
}

describe('Strangers', () => {
  it('are dropped after their time, and it is said why', async () => {
    const rig = new Rig()
    rig.letIn('a')
    await rig.clock.advance(MINUTE)
    rig.letIn('b')
    await rig.clock.advance(8 * MINUTE - 1)
    expect(rig.dropped).toEqual([])
    await rig.clock.advance(1)
    expect(rig.dropped).toEqual(['a'])
    await rig.clock.advance(MINUTE)
    expect(rig.dropped).toEqual(['a', 'b'])
    expect(rig.reasons[0]).toContain('540000 ms (forgetAfter)')
    expect(rig.strangers.counters.peersForgotten).toBe(2)
    expect(rig.clock.pending).toBe(0)
  })

  it('stay while they are connected, and for their time after it', async () => {
    const rig = new Rig()
    rig.letIn('a')
    expect(rig.strangers.entered('a')).toBe(true)
    await rig.clock.advance(60 * MINUTE)
    expect(rig.dropped).toEqual([])
    rig.strangers.left('a')
    await rig.clock.advance(9 * MINUTE - 1)
    expect(rig.dropped).toEqual([])
    await rig.clock.advance(1)
    expect(rig.dropped).toEqual(['a'])
  })

  it('stay while something comes from them, or while this end dials them', async () => {
    const rig = new Rig()
    rig.letIn('talks')
    rig.letIn('is dialled')
    rig.inUse.add('is dialled')
    await rig.clock.advance(5 * MINUTE)
    rig.heard.set('talks', rig.clock.now())
    await rig.clock.advance(9 * MINUTE - 1)
    expect(rig.dropped).toEqual([])
    await rig.clock.advance(1)
    expect(rig.dropped).toEqual(['talks'])
    rig.inUse.clear()
    await rig.clock.advance(9 * MINUTE)
    expect(rig.dropped).toEqual(['talks', 'is dialled'])
  })

  it('give way to a newcomer, the one that is gone longest first and never one that is here', async () => {
    const rig = new Rig()
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      rig.letIn(key)
      await rig.clock.advance(1_000)
    }
    rig.strangers.entered('a')
    rig.heard.set('b', rig.clock.now())
    rig.inUse.add('c')
    const newcomer = '198.51.100.1:1'
    expect([1, 2, 3, 4, 5].map(() => rig.strangers.makeRoom(newcomer))).toEqual([true, true, true, false, false])
    expect(rig.dropped).toEqual(['d', 'e', 'b'])
    expect(rig.reasons[0]).toContain('limits.peers')
    expect(rig.strangers.counters.peersDisplaced).toBe(3)
    rig.strangers.left('a')
    rig.inUse.clear()
    expect(rig.strangers.makeRoom(undefined)).toBe(true)
  })

  it('of a source that has its share displace those of the same source alone', () => {
    const rig = new Rig()
    rig.letIn('honest', '192.0.2.1:1')
    for (const key of ['a', 'b', 'c']) rig.letIn(key, `[2001:db8::${key}]:1`)
    for (let flood = 0; flood < 10; flood++) {
      expect(rig.strangers.makeRoom('[2001:db8::ffff]:9')).toBe(true)
      rig.letIn(`f${flood}`, '[2001:db8::ffff]:9')
    }
    expect(rig.dropped).not.toContain('honest')
    expect(rig.strangers.makeRoom('203.0.113.1:1')).toBe(true)
    expect(rig.dropped.at(-1)).toBe('honest')
  })

  it('are no more of one source than its share, connected at once, also when they return or move there', () => {
    const rig = new Rig()
    for (const key of ['a', 'b', 'c', 'd']) rig.letIn(key, '192.0.2.1:1')
    rig.letIn('e', '192.0.2.2:1')
    expect(['a', 'b', 'c'].map((key) => rig.strangers.entered(key))).toEqual([true, true, true])
    expect(rig.strangers.admits('192.0.2.1:9')).toBe(false)
    expect(rig.strangers.admits('192.0.2.9:9')).toBe(true)
    expect(rig.strangers.entered('d')).toBe(false)
    rig.endpoints.set('e', '192.0.2.1:7')
    expect(rig.strangers.entered('e')).toBe(false)
    expect(rig.dropped).toEqual(['d', 'e'])
    expect(rig.strangers.counters.peersOverAddress).toBe(3)
    rig.strangers.left('a')
    expect(rig.strangers.admits('192.0.2.1:9')).toBe(true)
  })

  it('are not bounded, dropped or displaced once they are permanent', async () => {
    const rig = new Rig()
    rig.letIn('a')
    rig.strangers.delete('a')
    expect(rig.strangers.entered('a')).toBe(true)
    rig.strangers.left('a')
    expect(rig.strangers.makeRoom(undefined)).toBe(false)
    await rig.clock.advance(60 * MINUTE)
    expect(rig.dropped).toEqual([])
  })

  it('leave nothing behind', async () => {
    const rig = new Rig()
    for (let index = 0; index < 1_000; index++) {
      rig.letIn(`k${index}`, `192.0.2.${index % 250}:1`)
      rig.strangers.entered(`k${index}`)
      rig.strangers.left(`k${index}`)
    }
    await rig.clock.advance(9 * MINUTE + 100)
    expect(rig.dropped).toHaveLength(1_000)
    expect(rig.strangers.makeRoom(undefined)).toBe(false)
    expect(rig.clock.pending).toBe(0)
    rig.letIn('last')
    rig.strangers.close()
    expect(rig.clock.pending).toBe(0)
  })
})
