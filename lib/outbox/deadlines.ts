import type { Clock, Timer } from '../waiting/clock.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { Heap, type Placed } from '../waiting/heap.js'

/** A thing that must be over by a moment. */
export interface Due extends Placed {
  /** On the clock of the deadlines. */
  readonly deadline: number
  /** The moment has come, and this is no longer among the deadlines. */
  late(): void
}

/** The deadlines of a device: one timer for all of them. */
export class Deadlines {
  readonly #clock: Clock
  readonly #due = new Heap<Due>(({ deadline }) => deadline)
  #timer: Timer | undefined
  /** Instant at which the timer fires. It may find nothing: a removal leaves it running, so that most touch no timer. */
  #armed = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  add(due: Due): void {
    this.#due.add(due)
    if (due.deadline < this.#armed) this.#arm(due.deadline)
  }

  remove(due: Due): void {
    this.#due.remove(due)
  }

  /** Nothing waits any more. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armed = Number.POSITIVE_INFINITY
  }

  #arm(deadline: number): void {
    this.#timer?.cancel()
    this.#armed = deadline
    const wait = Math.min(Math.max(Math.ceil(deadline - this.#clock.now()), 1), LONGEST_TIMER)
    this.#timer = this.#clock.after(wait, () => this.#fire())
  }

  #fire(): void {
    this.close()
    const now = this.#clock.now()
    for (let due = this.#due.first(); due !== undefined; due = this.#due.first()) {
      if (due.deadline > now) {
        if (due.deadline < this.#armed) this.#arm(due.deadline)
        return
      }
      this.#due.remove(due)
      due.late()
    }
  }
}
