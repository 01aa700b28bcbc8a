import type { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { Driver } from './driver.js'

/** The receiving half of a byte stream: turns what the consumer takes into credit for the sender. */
export class ReadSide {
  readonly #stream: Readable
  readonly #driver: Driver
  readonly #id: number
  #credit = 0
  #over = false

  constructor(stream: Readable, driver: Driver, id: number) {
    this.#stream = stream
    this.#driver = driver
    this.#id = id
  }

  /** Everything that the peer wrote is here, or the rest will never come. */
  get isOver(): boolean {
    return this.#over
  }

  /** The consumer wants more. Node asks before it takes from its buffer, so the room is looked at again after. */
  read(): void {
    if (!this.#grant()) process.nextTick(() => this.#grant())
  }

  data(chunk: Buffer): void {
    this.#credit -= chunk.length
    this.#stream.push(chunk)
  }

  end(): void {
    this.#over = true
    this.#stream.push(null)
  }

  /** Tells the peer to stop, unless it is done. */
  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#driver.stopStream(this.#id, NO_CODE)
  }

  /** Nothing comes any more, and there is nobody to tell. */
  abandon(): void {
    this.#over = true
  }

  /** What is granted and what is buffered together never exceed the high water mark. */
  #grant(): boolean {
    if (this.#over) return true
    const { readableHighWaterMark: most, readableLength } = this.#stream
    const room = most - readableLength - this.#credit
    if (room <= 0 || (this.#credit > 0 && room < most / 4)) return false
    this.#credit += room
    this.#driver.grantStream(this.#id, room)
    return true
  }
}

/** What a stream that is destroyed tells the peer: Node's `destroy` has no number to pass. */
const NO_CODE = 0
