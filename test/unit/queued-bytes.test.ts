import { describe, expect, it } from '@jest/globals'
import { QueuedBytes } from '../../lib/queued-bytes.js'

describe('QueuedBytes', () => {
  it('bounds each lane by what waits in it and above it', () => {
    const queued = new QueuedBytes(100)
    queued.add(0, 100)
    expect(queued.has(0, 1)).toBe(false)
    expect(queued.has(9, 100)).toBe(true)
    queued.add(9, 60)
    expect(queued.has(5, 41)).toBe(false)
    expect(queued.has(5, 40)).toBe(true)
  })

  it('lets one object of any size in where nothing waits at or above it', () => {
    const queued = new QueuedBytes(100)
    expect(queued.has(0, 1_000)).toBe(true)
    queued.add(0, 1_000)
    expect(queued.has(0, 1)).toBe(false)
    expect(queued.has(200, 50)).toBe(false)
  })

  it('bounds all lanes together by four times the limit', () => {
    const queued = new QueuedBytes(100)
    for (let lane = 1; lane <= 4; lane++) queued.add(lane, 100)
    expect(queued.has(200, 1)).toBe(false)
    queued.remove(1, 1)
    expect(queued.has(200, 1)).toBe(true)
    expect(queued.total).toBe(399)
  })

  it('forgets a lane that is empty again', () => {
    const queued = new QueuedBytes(10)
    queued.add(3, 10)
    queued.remove(3, 10)
    expect(queued.has(0, 10)).toBe(true)
    expect(queued.total).toBe(0)
  })
})
