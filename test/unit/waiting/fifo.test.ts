import { describe, expect, it } from '@jest/globals'
import { Fifo } from '../../../lib/waiting/fifo.js'

describe('Fifo', () => {
  it('gives back in order through any mix of pushes and shifts', () => {
    const fifo = new Fifo<number>()
    let pushed = 0
    let shifted = 0
    for (let round = 0; round < 1_000; round++) {
      for (let index = 0; index < round % 7; index++) fifo.push(pushed++)
      for (let index = 0; index < round % 5 && fifo.length > 0; index++) {
        expect(fifo.first()).toBe(shifted)
        expect(fifo.shift()).toBe(shifted++)
      }
      expect(fifo.length).toBe(pushed - shifted)
      expect([...fifo]).toEqual(Array.from({ length: fifo.length }, (_, index) => shifted + index))
    }
    while (fifo.length > 0) expect(fifo.shift()).toBe(shifted++)
    expect(fifo.shift()).toBeUndefined()
    expect(fifo.first()).toBeUndefined()
  })
})
