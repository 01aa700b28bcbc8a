/**
 * Connections that this end dialled in the place of others, while the other end is not known to have them. A dial that is complete here
 * may be given up there: until it is complete at both ends, the connection before is used, and nothing is lost with the new one.
 */
export class Unconfirmed {
  readonly #held = new Map<number, () => void>()

  /** Keeps a connection back, which `tell` tells of. */
  hold(id: number, tell: () => void): void {
    this.#held.set(id, tell)
  }

  /** The other end has it: it said so, or something came on it. */
  confirmed(id: number): void {
    if (this.#held.size === 0) return
    const tell = this.#held.get(id)
    this.#held.delete(id)
    tell?.()
  }

  /** It is over. */
  delete(id: number): void {
    this.#held.delete(id)
  }
}
