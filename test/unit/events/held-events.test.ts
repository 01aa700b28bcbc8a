import { describe, expect, it } from '@jest/globals'
import { HeldEvents } from '../../../lib/events/held-events.js'
import { settle } from '../virtual-clock.js'

describe('HeldEvents', () => {
  it('wait for a listener, and then come in order with those that follow', async () => {
    const seen: number[] = []
    let listeners = 0
    const held = new HeldEvents<number>({
      hasListener: () => listeners > 0,
      tell: (callback) => callback(),
      emit: (value) => seen.push(value),
    })
    held.emit(1)
    held.emit(2)
    held.listenerAdded()
    listeners = 1
    held.emit(3)
    await settle()
    expect(seen).toEqual([1, 2, 3])
  })

  it('go one by one to listeners that take one', async () => {
    const seen: number[] = []
    let listeners = 0
    const held = new HeldEvents<number>({
      hasListener: () => listeners > 0,
      tell: (callback) => callback(),
      emit: (value) => {
        listeners -= 1
        seen.push(value)
      },
    })
    for (const value of [1, 2, 3]) held.emit(value)
    for (const expected of [[1], [1, 2]]) {
      held.listenerAdded()
      listeners = 1
      await settle()
      expect(seen).toEqual(expected)
    }
    expect(held.length).toBe(1)
  })
})
