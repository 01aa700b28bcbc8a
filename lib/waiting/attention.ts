/**
 * Number of callers that wait for room to send, or to hear how a message ended. While there are none, the driver wakes this thread for
 * neither: each would cost a quarter of a short message's round trip.
 */
export class Attention {
  readonly #heed: (heeding: boolean) => void
  #waiting = 0

  /** `heed`: told when the first begins to wait, and when the last has stopped. */
  constructor(heed: (heeding: boolean) => void) {
    this.#heed = heed
  }

  begin(): void {
    this.#waiting += 1
    if (this.#waiting === 1) this.#heed(true)
  }

  end(): void {
    this.#waiting -= 1
    if (this.#waiting === 0) this.#heed(false)
  }
}
