import { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import { type Driver, NO_CODE } from '../driver.js'
import { systemClock } from '../waiting/clock.js'
import { LEAST, type ReadBudget } from './read-budget.js'

/** The receiving half of a byte stream: turns what the consumer takes into credit for the sender. */
export class ReadSide {
  readonly #stream: Readable
  readonly #driver: Driver
  readonly #id: number
  readonly #budget: ReadBudget
  readonly #onData: (() => void) | undefined
  #credit = 0
  /** Bytes that may be granted and buffered; doubles each time that the reader took as much, up to the high water mark. */
  #window = LEAST
  #received = 0
  /** Bytes that the reader had taken when the window became what it is. */
  #taken = 0
  /** This stream's part of the budget. */
  #counted = 0
  /** Pieces since the last grant, and bytes that were here then: the engine gives a number of small pieces a grant. */
  #pieces = 0
  #mark = 0
  /** Bytes that the reader wants at once, by `read(n)`, and that are not here yet. */
  #needed = 0
  /** The stream asked for more than it may have. */
  #wants = false
  #over = false
  /** Error of the stream once it is read out. */
  #failure: Error | undefined

  constructor(stream: Readable, driver: Driver, id: number, budget: ReadBudget, onData?: () => void) {
    this.#stream = stream
    this.#driver = driver
    this.#id = id
    this.#budget = budget
    this.#onData = onData
  }

  /** Everything that the peer wrote is here, or the rest will never come. */
  get isOver(): boolean {
    return this.#over
  }

  /** That came. */
  get bytes(): number {
    return this.#received
  }

  /** The program has the stream: an end with nothing before it is told though nobody reads. */
  watch(): void {
    if (!this.#over) this.#tell(0)
  }

  /** The stream wants more, below its high water mark. What it may have now can be less, and Node asks once: `taken` tells the rest. */
  read(): void {
    this.#wants = !this.#grant()
  }

  /** The consumer called `read(size)`, and took from the stream's buffer, or got `nothing`. */
  taken(size: number | undefined, nothing: boolean): void {
    // Node itself reads 0 again and again.
    if (size !== 0) this.#needed = nothing && size !== undefined && size > 0 ? size : 0
    if (this.#wants || this.#needed > 0) this.#wants = !this.#grant()
    const isRead = this.#needed > 0 || this.#received - this.#stream.readableLength > this.#mark
    if (!this.#over && this.#pieces >= PIECES && isRead) this.#tell(0)
    if (this.#failure !== undefined && this.#stream.readableLength === 0) this.#stream.destroy(this.#failure)
  }

  /**
   * A chunk is a slice of a larger buffer, which stays as long as the slice: what waits here gets memory of its own. `pieces`: the number
   * that the engine counted for it.
   */
  data(chunk: Buffer, pieces: number): void {
    this.#credit -= chunk.length
    this.#received += chunk.length
    this.#pieces += pieces
    this.#onData?.()
    const waits = chunk.length < SLICE || this.#stream.readableLength > 0
    this.#stream.push(waits ? owned(chunk) : chunk)
  }

  end(): void {
    this.#over = true
    this.#stream.push(null)
    // Where nothing waits to be read 'end' comes without a reader, as from a socket.
    this.#stream.read(0)
  }

  /** Tells the peer to stop, unless it is done. */
  stop(): void {
    this.#count(0)
    if (this.#over) return
    this.#over = true
    this.#driver.stopStream(this.#id, NO_CODE)
  }

  /**
   * Nothing comes any more: errs once the consumer has taken what is here, or when nobody wants it once this turn of the event
   * loop is over, in which it may have been handed out. False: there is nothing here.
   */
  endAfterRest(error: Error): boolean {
    if (this.#stream.readableLength === 0) return false
    this.#over = true
    this.#failure = error
    systemClock.after(0, () => {
      if (this.#stream.readableFlowing === null && this.#stream.listenerCount('readable') === 0)
        this.#stream.destroy(error)
    })
    return true
  }

  /** Nothing comes any more, and there is nobody to tell. */
  abandon(): void {
    this.#over = true
  }

  /** Grants more: granted and buffered bytes together never exceed the high water mark, which `read(n)` raises. */
  #grant(): boolean {
    if (this.#over) return true
    const { readableHighWaterMark: most, readableLength } = this.#stream
    const held = readableLength + this.#credit
    const taken = this.#received - readableLength
    if (taken - this.#taken >= this.#window && this.#window < most) {
      this.#window *= 2
      this.#taken = taken
    }
    const window = Math.max(this.#budget.allowed(Math.min(this.#window, most), this.#counted), this.#needed)
    const room = window - held
    if (room <= 0 || (this.#credit > 0 && held >= this.#needed && room < window / 4)) {
      this.#count(held)
      return false
    }
    this.#credit += room
    this.#count(window)
    this.#tell(room)
    return true
  }

  #tell(bytes: number): void {
    this.#pieces = 0
    this.#mark = this.#received
    this.#driver.grantStream(this.#id, bytes)
  }

  #count(bytes: number): void {
    this.#budget.add(bytes - this.#counted)
    this.#counted = bytes
  }
}

function owned(chunk: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(chunk.length)
  chunk.copy(bytes)
  return bytes
}

/** Half of what the engine gives a grant (`native/engine`, `stream.rs`), so that it never runs out under a reader that takes all. */
const PIECES = 32

/** Smaller chunks are copied: at full speed they come in pieces of 64 KiB, and to copy less costs little. */
const SLICE = 32 * 2 ** 10
