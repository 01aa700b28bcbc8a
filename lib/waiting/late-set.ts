/** A set that takes memory once something is in it. */
export class LateSet<T> implements Iterable<T> {
  #set: Set<T> | undefined

  get size(): number {
    return this.#set?.size ?? 0
  }

  has(value: T): boolean {
    return this.#set?.has(value) ?? false
  }

  add(value: T): void {
    this.#set ??= new Set()
    this.#set.add(value)
  }

  delete(value: T): boolean {
    return this.#set?.delete(value) ?? false
  }

  [Symbol.iterator](): Iterator<T> {
    return (this.#set ?? NONE)[Symbol.iterator]()
  }
}

const NONE: readonly never[] = []
