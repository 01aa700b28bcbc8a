/** Turns of work that a device does for many peers at once, so many at a time, in the order in which they are asked for. */
export class Turns {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Calls back when it is this one's turn; the function that it returns ends the turn, or the wait for it. */
  take(begin: () => void): () => void {
    let state: 'waiting' | 'running' | 'over' = 'waiting'
    const start = (): void => {
      state = 'running'
      this.#running += 1
      begin()
    }
    if (this.#running < this.#most) start()
    else this.#waiting.push(start)
    return () => {
      if (state === 'waiting') this.#waiting.splice(this.#waiting.indexOf(start), 1)
      else if (state === 'running') {
        this.#running -= 1
        if (this.#running < this.#most) this.#waiting.shift()?.()
      }
      state = 'over'
    }
  }
}
