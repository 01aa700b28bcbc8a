import { Buffer } from 'node:buffer'
import { changedBytes } from '../arguments/argument-error.js'
import { isGone } from '../arguments/bytes.js'
import { type Driver, NO_CODE } from '../driver.js'
import type { Attention } from '../waiting/attention.js'
import { later } from '../waiting/clock.js'

/** Called once, with what went wrong if something did. */
export type Callback = (error?: Error | null) => void

/** The sending half of a byte stream: hands chunks to the engine as it hands them on, never far ahead. */
export class WriteSide {
  readonly #driver: Driver
  readonly #attention: Attention
  readonly #id: number
  readonly #onOver: () => void
  #queued = 0
  #taken = 0
  #length = 0
  /** Small chunks of this turn of the event loop, side by side: they go to the engine together, right after it. */
  #joined: Buffer | undefined
  #joinedLength = 0
  #rest: Uint8Array | undefined
  #written: Callback | undefined
  #finished: Callback | undefined
  #failure: Error | undefined
  /** The failure cost nothing that was written. */
  #isWhole = false
  #over = false
  /** For room. */
  #isWaiting = false

  /** `onOver`: everything arrived. */
  constructor(driver: Driver, id: number, attention: Attention, onOver: () => void) {
    this.#driver = driver
    this.#attention = attention
    this.#id = id
    this.#onOver = onOver
  }

  /** Bytes of whole chunks that the engine took. */
  get taken(): number {
    return this.#taken
  }

  /** Reason for which no more can be written. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** The peer has everything that was written, though it wants no more. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Calls back when the engine holds a copy of the whole chunk. */
  write(chunk: Uint8Array, callback: Callback): void {
    if (this.#failure !== undefined) {
      callback(this.#failure)
      return
    }
    if (isGone(chunk)) {
      callback(changedChunk())
      return
    }
    if (this.#join(chunk)) {
      callback()
      return
    }
    this.flush()
    this.#rest = chunk
    this.#length = chunk.byteLength
    this.#written = callback
    this.#pump()
  }

  /** Calls back when the peer's transport acknowledged everything, and the end. */
  finish(callback: Callback): void {
    this.#finished = callback
    this.flush()
    if (this.#failure === undefined) this.#driver.finishStream(this.#id)
    else if (this.#isWhole) this.acknowledged()
    else this.#takeFinished()?.(this.#failure)
  }

  /** Hands over what was joined. */
  flush(): void {
    if (this.#joined === undefined || this.#joinedLength === 0) return
    this.#queued += this.#joinedLength
    this.#driver.writeStream(this.#id, this.#joined.subarray(0, this.#joinedLength))
    this.#joinedLength = 0
  }

  drained(bytes: number): void {
    this.#queued -= bytes
    this.#pump()
  }

  acknowledged(): void {
    this.#over = true
    this.#takeFinished()?.()
    this.#onOver()
  }

  /** The peer wants no more; `whole`: it has all that the engine was given. */
  stopped(error: Error, whole: boolean): void {
    this.#isWhole = whole && this.#written === undefined && this.#joinedLength === 0
    if (this.#isWhole && this.#finished !== undefined) this.acknowledged()
    else this.fail(error)
  }

  /** Fails the write or the end that is under way; if there is none, the next write fails. */
  fail(error: Error): void {
    if (this.#over || this.#failure !== undefined) return
    this.#failure = error
    this.#rest = undefined
    this.#joinedLength = 0
    const pending = this.#takeWritten() ?? this.#takeFinished()
    pending?.(error)
  }

  /** Takes back what the peer does not have yet, unless it has all. */
  reset(): void {
    if (this.#over) return
    this.#over = true
    this.#rest = undefined
    this.#joinedLength = 0
    this.#waits(false)
    this.#driver.resetStream(this.#id, NO_CODE)
  }

  /** Ends the stream if the peer has everything that was given to the engine; else it is as `reset`. */
  leave(): void {
    if (this.#over) return
    this.flush()
    this.#over = true
    this.#waits(false)
    this.#driver.leaveStream(this.#id, NO_CODE)
  }

  /** Nothing is under way: neither a chunk nor the end. */
  get isIdle(): boolean {
    return this.#written === undefined && this.#finished === undefined
  }

  /** The peer has everything, or it never will. */
  get isOver(): boolean {
    return this.#over
  }

  /** There is nobody to tell. */
  abandon(): void {
    this.#over = true
    this.#waits(false)
    this.#joinedLength = 0
  }

  /** Takes a copy of a small chunk, if there is room for it in the window. */
  #join(chunk: Uint8Array): boolean {
    const { byteLength } = chunk
    if (byteLength > SMALL || this.#queued + this.#joinedLength + byteLength > WINDOW) return false
    if (byteLength === 0) return true
    if (this.#joinedLength + byteLength > JOINED) this.flush()
    if (this.#joinedLength === 0) later(() => this.flush())
    this.#joined ??= Buffer.allocUnsafeSlow(JOINED)
    this.#joined.set(chunk, this.#joinedLength)
    this.#joinedLength += byteLength
    this.#taken += byteLength
    return true
  }

  #pump(): void {
    while (this.#rest !== undefined) {
      if (this.#rest.byteLength === 0) {
        this.fail(changedChunk())
        return
      }
      const room = WINDOW - this.#queued
      if (room < Math.min(this.#rest.byteLength, LEAST_WRITE)) {
        this.#waits(true)
        return
      }
      const chunk = this.#rest.subarray(0, room)
      this.#rest = chunk.byteLength === this.#rest.byteLength ? undefined : this.#rest.subarray(room)
      this.#queued += chunk.byteLength
      this.#driver.writeStream(this.#id, chunk)
    }
    const written = this.#takeWritten()
    if (written === undefined) return
    this.#taken += this.#length
    written()
  }

  #waits(waits: boolean): void {
    if (waits === this.#isWaiting) return
    this.#isWaiting = waits
    if (waits) this.#attention.begin()
    else this.#attention.end()
  }

  #takeWritten(): Callback | undefined {
    const callback = this.#written
    this.#written = undefined
    this.#waits(false)
    return callback
  }

  #takeFinished(): Callback | undefined {
    const callback = this.#finished
    this.#finished = undefined
    return callback
  }
}

function changedChunk(): Error {
  return changedBytes('chunk', 'write() calls back')
}

/** Given to the engine and not yet handed on: some 1.3 ms at 6.4 Gbit/s, longer than a wake of this thread. */
const WINDOW = 2 ** 20

/** Less than this waits until there is more room: a call costs as much as copying some kilobytes. */
const LEAST_WRITE = 64 * 2 ** 10

/** A larger chunk gains nothing by a copy. */
const SMALL = 4 * 2 ** 10

const JOINED = 16 * 2 ** 10
