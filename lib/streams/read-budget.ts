/** Bytes that the streams of one connection hold and have granted together, so that many unread ones cost no more than a few. */
export class ReadBudget {
  #bytes = 0

  /** Bytes that a stream may hold, which wants `wanted` and counts for `counted` now. A little is always allowed. */
  allowed(wanted: number, counted: number): number {
    return Math.min(wanted, Math.max(LEAST, TOGETHER - this.#bytes + counted))
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }
}

/** A stream begins with this, and is granted more as its reader takes what it was granted. */
export const LEAST = 32 * 2 ** 10

/** Sixteen readers that are as far behind as they may be; and as much again in the least of 512 others. */
const TOGETHER = 16 * 2 ** 20
