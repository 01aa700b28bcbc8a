/** An item that can stand in one heap at a time. */
export interface Placed {
  /** Index at which it stands, -1 when it does not; for the heap alone to write. */
  place: number
}

/** A binary heap: the item of the least rank first, and any item removed or moved in logarithmic time. */
export class Heap<T extends Placed> {
  readonly #rank: (item: T) => number
  readonly #items: T[] = []

  constructor(rank: (item: T) => number) {
    this.#rank = rank
  }

  get length(): number {
    return this.#items.length
  }

  first(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    item.place = this.#items.length
    this.#items.push(item)
    this.#rise(item)
  }

  /** Takes the item out, if it is in. */
  remove(item: T): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#set(place, last)
    this.moved(last)
  }

  /** The rank of an item that is in has changed. */
  moved(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  #rise(item: T): void {
    const rank = this.#rank(item)
    let { place } = item
    while (place > 0) {
      const above = this.#items[(place - 1) >> 1]
      if (above === undefined || this.#rank(above) <= rank) break
      const free = above.place
      this.#set(place, above)
      place = free
    }
    this.#set(place, item)
  }

  #sink(item: T): void {
    const rank = this.#rank(item)
    let { place } = item
    for (;;) {
      const below = this.#least(2 * place + 1, 2 * place + 2)
      if (below === undefined || this.#rank(below) >= rank) break
      const free = below.place
      this.#set(place, below)
      place = free
    }
    this.#set(place, item)
  }

  #least(left: number, right: number): T | undefined {
    const one = this.#items[left]
    const other = this.#items[right]
    if (one === undefined || other === undefined) return one
    return this.#rank(other) < this.#rank(one) ? other : one
  }

  #set(place: number, item: T): void {
    this.#items[place] = item
    item.place = place
  }
}
