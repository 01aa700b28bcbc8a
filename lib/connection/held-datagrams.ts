import type { Buffer } from 'node:buffer'
import { HeldEvents, type Listening } from '../events/held-events.js'

/** Datagrams of a connection, of which some wait for the first listener. */
export class HeldDatagrams {
  readonly #events: HeldEvents<Buffer>
  readonly #most: number

  /** `most`: bytes that may wait. */
  constructor(target: Listening<Buffer>, most: number) {
    this.#events = new HeldEvents(target)
    this.#most = most
  }

  /** Hands it to the listeners, or has it wait for one. False: too much waits. */
  emit(bytes: Buffer): boolean {
    const held = this.#events.length
    if (held > 0 && (held >= HELD || this.#bytes() + bytes.length > this.#most)) return false
    this.#events.emit(bytes)
    return true
  }

  listenerAdded(): void {
    this.#events.listenerAdded()
  }

  #bytes(): number {
    let sum = 0
    for (const { length } of this.#events) sum += length
    return sum
  }
}

/** Enough for what comes in one batch with 'connection', before the caller of `connect()` runs again. */
const HELD = 64
