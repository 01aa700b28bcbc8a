import type { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import { later } from './clock.js'
import type { Driver } from './driver.js'

/** The receiving half of a byte stream: turns what the consumer takes into credit for the sender. */
export class ReadSide {
  readonly #stream: Readable
  readonly #driver: Driver
  readonly #id: number
  readonly #onData: (() => void) | undefined
  #credit = 0
  #bytes = 0
  #over = false

  constructor(stream: Readable, driver: Driver, id: number, onData?: () => void) {
    this.#stream = stream
    this.#driver = driver
    this.#id = id
    this.#onData = onData
  }

  /** Everything that the peer wrote is here, or the rest will never come. */
  get isOver(): boolean {
    return this.#over
  }

  /** That came. */
  get bytes(): number {
    return this.#bytes
  }

  /** The program has the stream: an end with nothing before it is told though nobody reads. */
  watch(): void {
    if (!this.#over) this.#driver.grantStream(this.#id, 0)
  }

  /** The consumer wants more. Node asks before it takes from its buffer, so the room is looked at again after. */
  read(): void {
    if (!this.#grant()) later(() => this.#grant())
  }

  data(chunk: Buffer): void {
    this.#credit -= chunk.length
    this.#bytes += chunk.length
    this.#onData?.()
    this.#stream.push(chunk)
  }

  end(): void {
    this.#over = true
    this.#stream.push(null)
    // Where nothing waits to be read 'end' comes without a reader, as from a socket.
    this.#stream.read(0)
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
