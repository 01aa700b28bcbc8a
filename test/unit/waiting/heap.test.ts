import { describe, expect, it } from '@jest/globals'
import { Heap } from '../../../lib/waiting/heap.js'
import { Generator } from '../generator.js'

interface Item {
  rank: number
  place: number
}

describe('Heap', () => {
  it('agrees with a sorted list under random use', () => {
    const random = new Generator(7)
    const heap = new Heap<Item>(({ rank }) => rank)
    const naive = new Set<Item>()
    for (let step = 0; step < 3_000; step++) {
      const items = [...naive]
      const some = items.length === 0 ? undefined : random.of(items)
      const what = random.below(10)
      if (some === undefined || what < 4) {
        const item = { rank: random.below(50), place: -1 }
        heap.add(item)
        naive.add(item)
      } else if (what < 6) {
        some.rank = random.below(50)
        heap.moved(some)
      } else {
        heap.remove(some)
        heap.remove(some)
        naive.delete(some)
        expect(some.place).toBe(-1)
      }
      const least = Math.min(...Array.from(naive, ({ rank }) => rank))
      expect(heap.first()?.rank ?? Number.POSITIVE_INFINITY).toBe(least)
      expect(heap.length).toBe(naive.size)
    }
  })
})
