import { LateMap } from '../waiting/late-map.js'

/** Past connections that left something unread, oldest first, and what that takes. */
export class LeftBehind<I> {
  readonly #costs = new LateMap<I, number>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** The oldest, unless it is the only one. */
  get oldestOfMany(): I | undefined {
    if (this.#costs.size < 2) return undefined
    const [oldest] = this.#costs.keys()
    return oldest
  }

  add(inbox: I, cost: number): void {
    this.#costs.set(inbox, cost)
    this.#bytes += cost
  }

  /** Some of it was taken. */
  lessen(inbox: I, by: number): void {
    const cost = this.#costs.get(inbox)
    if (cost === undefined) return
    this.#costs.set(inbox, cost - by)
    this.#bytes -= by
  }

  delete(inbox: I): void {
    this.#bytes -= this.#costs.get(inbox) ?? 0
    this.#costs.delete(inbox)
  }
}
