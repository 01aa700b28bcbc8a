/** A queue with `push` and `shift` in constant time. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** What is in it now, in order. */
  [Symbol.iterator](): Iterator<T> {
    return (this.#items.slice(this.#head) as T[])[Symbol.iterator]()
  }

  first(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (this.length === 0) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head * 2 > this.#items.length) this.#compact()
    return item
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
