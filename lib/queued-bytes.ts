/** What waits to leave, counted by lane: a lane sees itself and those above it, never the bulk below. */
export class QueuedBytes {
  readonly #limit: number
  readonly #lanes = new Map<number, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get total(): number {
    return this.#total
  }

  /** Room for `bytes` more in this lane. One object of any size has room where nothing else waits at or above it. */
  has(priority: number, bytes: number): boolean {
    const above = this.#atOrAbove(priority)
    if (above > 0 && above + bytes > this.#limit) return false
    return this.#total === 0 || this.#total + bytes <= ALL_LANES * Math.max(this.#limit, bytes)
  }

  add(priority: number, bytes: number): void {
    this.#lanes.set(priority, (this.#lanes.get(priority) ?? 0) + bytes)
    this.#total += bytes
  }

  remove(priority: number, bytes: number): void {
    const left = (this.#lanes.get(priority) ?? 0) - bytes
    if (left > 0) this.#lanes.set(priority, left)
    else this.#lanes.delete(priority)
    this.#total -= bytes
  }

  #atOrAbove(priority: number): number {
    let bytes = 0
    for (const [lane, queued] of this.#lanes) if (lane >= priority) bytes += queued
    return bytes
  }
}

/** All lanes together may hold this many times the limit, as on the receiving side. */
const ALL_LANES = 4
