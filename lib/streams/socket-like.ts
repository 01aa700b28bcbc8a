import { Duplex, type DuplexOptions } from 'node:stream'
import { integer } from '../arguments/options.js'
import type { Clock } from '../waiting/clock.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { IdleTimer } from './idle-timer.js'

/** The members of a `net.Socket` that `node:http`, undici and ws ask for, beside those of a Duplex. `docs/streams.md` says what differs. */
export abstract class SocketLike extends Duplex {
  readonly #idle: IdleTimer
  #timeout: number | undefined

  constructor(options: DuplexOptions, clock: Clock) {
    super(options)
    this.#idle = new IdleTimer(clock, () => this.emit('timeout'))
  }

  /** Bytes that arrived so far: those that were read, and those that wait here to be read. */
  abstract readonly bytesRead: number
  /** Bytes that were written so far, those that wait here included. */
  abstract readonly bytesWritten: number
  /** The peer's address inside the tunnel, which belongs to its key. */
  abstract readonly remoteAddress: string

  /** The family of `remoteAddress`. */
  get remoteFamily(): 'IPv6' {
    return 'IPv6'
  }

  /** Always false: a stream can be written to from the start. */
  get connecting(): false {
    return false
  }

  /** Milliseconds that `setTimeout` was last given; `undefined` before. */
  get timeout(): number | undefined {
    return this.#timeout
  }

  /** Emits 'timeout' when nothing was read or written for so many milliseconds, and does nothing else. 0: never. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    const checked = integer(0, LONGEST_TIMER)(milliseconds, 'milliseconds')
    if (this.destroyed) return this
    this.#timeout = checked
    this.#idle.set(checked)
    if (callback === undefined) return this
    return checked === 0 ? this.off('timeout', callback) : this.once('timeout', callback)
  }

  /** Does nothing: the device knows a dead peer by `deadAfter` and `heartbeat`. */
  setKeepAlive(_enable?: boolean, _delay?: number): this {
    return this
  }

  /** Does nothing: what is written leaves as soon as the link takes it. */
  setNoDelay(_noDelay?: boolean): this {
    return this
  }

  /** Does nothing: the device alone keeps the process alive. */
  ref(): this {
    return this
  }

  /** Does nothing: the device alone keeps the process alive. */
  unref(): this {
    return this
  }

  /** Ends the stream, and destroys it when the peer's transport has everything. */
  destroySoon(): void {
    if (this.writable) this.end(() => this.destroy())
    else if (this.writableFinished) this.destroy()
  }

  /** Something was read or written. */
  protected active(): void {
    this.#idle.active()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#idle.stop()
    callback(error)
  }
}
