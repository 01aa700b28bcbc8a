import { later } from '../waiting/clock.js'
import { Fifo } from '../waiting/fifo.js'

/** Target of events. */
export interface Listening<T> {
  /** Somebody listens now. */
  hasListener(): boolean
  emit(value: T): void
  /** Runs what was held, in the right async context. */
  tell(callback: () => void): void
}

/** Events that wait for their first listener, and then come in order. */
export class HeldEvents<T> {
  readonly #target: Listening<T>
  /** Absent where none ever waited. */
  #held: Fifo<T> | undefined

  constructor(target: Listening<T>) {
    this.#target = target
  }

  get length(): number {
    return this.#held?.length ?? 0
  }

  /** Those that wait, in order. */
  [Symbol.iterator](): Iterator<T> {
    return (this.#held ?? new Fifo<T>())[Symbol.iterator]()
  }

  emit(value: T): void {
    if (this.length === 0 && this.#target.hasListener()) {
      this.#target.emit(value)
      return
    }
    this.#held ??= new Fifo()
    this.#held.push(value)
    this.#flush()
  }

  /** Drops those events of which `isStale` is true. */
  drop(isStale: (value: T) => boolean): void {
    const kept = new Fifo<T>()
    for (let value = this.#held?.shift(); value !== undefined; value = this.#held?.shift())
      if (!isStale(value)) kept.push(value)
    this.#held = kept
  }

  /** A listener is about to be added: it gets what waits once the code that adds it has run. */
  listenerAdded(): void {
    if (this.length > 0) later(() => this.#target.tell(() => this.#flush()))
  }

  #flush(): void {
    while (this.length > 0 && this.#target.hasListener()) {
      const value = this.#held?.shift()
      if (value !== undefined) this.#target.emit(value)
    }
  }
}
