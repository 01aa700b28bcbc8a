import { describe, expect, it } from '@jest/globals'
import { QueuedBytes } from '../../../lib/outbox/queued-bytes.js'
import { Generator } from '../generator.js'
import { settle } from '../virtual-clock.js'

describe('QueuedBytes', () => {
  it('bounds each lane by what waits in it and above it', () => {
    const queued = new QueuedBytes(100)
    queued.add(0, 100)
    expect(queued.room(0, 1)).toBe('none')
    expect(queued.room(9, 100)).toBe('now')
    queued.add(9, 60)
    expect(queued.room(5, 41)).toBe('none')
    expect(queued.room(5, 40)).toBe('now')
  })

  it('lets one object of any size in where nothing waits at or above it', () => {
    const queued = new QueuedBytes(100)
    expect(queued.room(0, 1_000)).toBe('now')
    queued.add(0, 1_000)
    expect(queued.room(0, 1)).toBe('none')
    expect(queued.room(200, 50)).toBe('none')
  })

  it('bounds all lanes together by four times the limit', () => {
    const queued = new QueuedBytes(100)
    for (let lane = 1; lane <= 4; lane++) queued.add(lane, 100)
    expect(queued.room(200, 1)).toBe('none')
    queued.remove(1, 1)
    expect(queued.room(200, 1)).toBe('now')
    expect(queued.total).toBe(399)
  })

  it('forgets a lane that is empty again', () => {
    const queued = new QueuedBytes(10)
    queued.add(3, 10)
    queued.remove(3, 10)
    expect(queued.room(0, 10)).toBe('now')
    expect(queued.total).toBe(0)
  })

  it('leaves each part its share of a whole that others fill, and no more', () => {
    const whole = new QueuedBytes(6_400)
    const slow = Array.from({ length: 4 }, () => new QueuedBytes(1_600, whole))
    for (const part of slow) part.add(0, 1_500)
    expect(slow[0]?.room(0, 100)).toBe('now')
    for (const part of slow) part.add(0, 100)
    expect(slow.map((part) => part.room(0, 1))).toEqual(['none', 'none', 'none', 'none'])
    const honest = new QueuedBytes(1_600, whole)
    expect([honest.room(0, 100), honest.room(0, 101)]).toEqual(['now', 'behind'])
    honest.add(0, 100)
    expect([honest.room(0, 1), honest.room(9, 1)]).toEqual(['behind', 'now'])
    honest.remove(0, 100)
    for (const part of slow) part.remove(0, part.total)
    expect([whole.total, honest.room(0, 1_600)]).toEqual([0, 'now'])
  })

  it('keeps a whole within what all lanes may hold, whatever its parts do, and near its limit where they are few', () => {
    const generator = new Generator(7)
    for (const [count, times] of [
      [40, 2],
      [2_000, 4],
    ] as const) {
      const whole = new QueuedBytes(100_000)
      const parts = Array.from({ length: count }, () => new QueuedBytes(25_000, whole))
      for (let round = 0; round < 20_000; round++) {
        const part = parts[Math.floor((round * count) / 20_000)] as QueuedBytes
        const bytes = 1 + generator.below(1_500)
        if (part.room(0, bytes) === 'now') part.add(0, bytes)
        expect(whole.total).toBeLessThanOrEqual(times * 100_000)
      }
    }
  })

  it('tells those who wait for room once a turn, of what leaves here and elsewhere, and when all that was before has left', async () => {
    const whole = new QueuedBytes(1_000)
    const [one, other] = [new QueuedBytes(100, whole), new QueuedBytes(100, whole)]
    for (const part of [one, other]) part.add(0, 300)
    const told: [string, boolean][] = []
    const stops = [
      one.onRoom((isDue) => told.push(['one', isDue])),
      other.onRoom((isDue) => told.push(['other', isDue])),
    ]
    one.remove(0, 60)
    one.remove(0, 39)
    await settle()
    expect(told.splice(0)).toEqual([
      ['one', false],
      ['one', false],
      ['other', false],
    ])
    stops[1]?.()
    one.remove(0, 1)
    await settle()
    expect(told.splice(0)).toEqual([
      ['one', true],
      ['one', true],
    ])
    stops[0]?.()
    one.remove(0, 1)
    await settle()
    expect(told).toEqual([])
  })

  it('tells many some at a time, all of them once, and again of what left meanwhile', async () => {
    const whole = new QueuedBytes(1_000)
    const parts = Array.from({ length: 200 }, () => new QueuedBytes(100, whole))
    const told: number[] = []
    for (const [number, part] of parts.entries()) {
      part.add(0, 300)
      part.onRoom(() => told.push(number))
    }
    const other = new QueuedBytes(100, whole)
    const leave = (): void => {
      other.add(0, 1)
      other.remove(0, 1)
    }
    leave()
    await settle()
    const first = told.length
    leave()
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect([first, told]).toEqual([64, [...parts.keys(), ...parts.keys()]])
  })
})
