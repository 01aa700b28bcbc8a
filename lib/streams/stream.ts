import type { AsyncResource } from 'node:async_hooks'
import type { Buffer } from 'node:buffer'
import { Readable, Writable } from 'node:stream'
import { priority as checkPriority } from '../arguments/priority.js'
import type { Connection } from '../connection/connection.js'
import type { Driver } from '../driver.js'
import { WarrenError } from '../errors.js'
import { isUnheard } from '../events/emit.js'
import { warnOnce } from '../events/warning.js'
import type { Attention } from '../waiting/attention.js'
import { type Clock, later } from '../waiting/clock.js'
import type { ReadBudget } from './read-budget.js'
import { ReadSide } from './read-side.js'
import { SocketLike } from './socket-like.js'
import { type Callback, WriteSide } from './write-side.js'

/** Link from a stream to the connection below it. */
export interface StreamLink {
  readonly connection: Connection
  readonly driver: Driver
  readonly attention: Attention
  readonly clock: Clock
  /** The async context of its events, if not that of the connection's. */
  readonly context?: AsyncResource | undefined
  readonly id: number
  readonly priority: number
  readonly name: string | undefined
  readonly highWaterMark: number | undefined
  /** Budget that its reading side shares with other streams. */
  readonly readBudget: ReadBudget
  readonly allowHalfOpen: boolean
  /** Sends events of this stream to `sides` from now on. */
  register(sides: StreamSides): void
  /** All that was written has arrived, and its end. */
  arrived(): void
  /** No event of this stream is wanted any more. */
  forget(): void
}

/** One stream as its events see it. */
export interface StreamSides {
  readonly stream: AnyStream
  readonly read: ReadSide | undefined
  readonly write: WriteSide | undefined
  readonly context?: AsyncResource | undefined
  /** Ends what cannot go on, once nothing can be read any more. */
  settle?(): void
}

/**
 * A byte stream both ways, which behaves as a `net.Socket` does: `docs/streams.md` says where it differs. 'finish' means that the
 * peer's transport has all of it. Large chunks of what it reads are slices of larger buffers: copy one that is kept for long.
 *
 * @example
 * ```js
 * connection.on('stream', (stream) => stream.pipe(createWriteStream('copy.bin')))
 * await pipeline(createReadStream('state.bin'), connection.openStream({ priority: 5 }))
 * ```
 */
export class ConnectionStream extends SocketLike {
  /** The connection that it is part of. */
  readonly connection: Connection
  /** The name that its opener gave it; `undefined` where it gave none. */
  readonly name: string | undefined
  readonly #link: StreamLink
  readonly #read: ReadSide
  readonly #write: WriteSide
  #priority: number

  constructor(link: StreamLink) {
    const { highWaterMark, allowHalfOpen, clock } = link
    const readableHighWaterMark = highWaterMark ?? READABLE_BYTES
    super({ readableHighWaterMark, writableHighWaterMark: highWaterMark ?? WRITABLE_BYTES, allowHalfOpen }, clock)
    this.connection = link.connection
    this.name = link.name
    this.#link = link
    this.#priority = link.priority
    this.#read = new ReadSide(this, link.driver, link.id, link.readBudget, () => this.active())
    this.#write = new WriteSide(link.driver, link.id, link.attention, () => link.arrived())
    link.register({
      stream: this,
      context: link.context,
      read: this.#read,
      write: this.#write,
      settle: () => this.#settle(),
    })
  }

  /** Priority of what it writes, 0 to 255, which leaves before everything lower. It may be set at any time. */
  get priority(): number {
    return this.#priority
  }

  set priority(value: number) {
    this.#priority = changePriority(this.#link, value)
  }

  /** Bytes that arrived so far: those that were read, and those that wait here to be read. */
  get bytesRead(): number {
    return this.#read.bytes
  }

  /** Bytes that were written so far, those that wait here included. */
  get bytesWritten(): number {
    return this.#write.taken + this.writableLength
  }

  /** The peer's address inside the tunnel, which belongs to its key. */
  get remoteAddress(): string {
    return this.connection.peer.address
  }

  /**
   * Writes, as every Writable does. After this side has ended with the peer's it errs with `ERR_WARREN_STREAM_ENDED`, and warns once for
   * each place in the program.
   */
  override write(chunk: unknown, callback?: Callback): boolean
  override write(chunk: unknown, encoding?: BufferEncoding, callback?: Callback): boolean
  override write(chunk: unknown, ...rest: unknown[]): boolean {
    if (this.#endedWithPeer) return this.#refuse(rest)
    return Reflect.apply(super.write, this, [chunk, ...rest])
  }

  /** Ends this side, after a last chunk if one is given. The other direction goes on. */
  override end(callback?: () => void): this
  override end(chunk: unknown, callback?: () => void): this
  override end(chunk: unknown, encoding?: BufferEncoding, callback?: () => void): this
  override end(...args: unknown[]): this {
    const [chunk] = args
    if (this.#endedWithPeer && chunk !== undefined && chunk !== null && typeof chunk !== 'function') this.#refuse(args)
    else Reflect.apply(super.end, this, args)
    return this
  }

  /** Emits, as every emitter does; an 'error' that nobody listens to is not an uncaught exception. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (isUnheard(this, event, args)) return false
    const isHeard = super.emit(event, ...args)
    if (event === 'end') this.#settle()
    return isHeard
  }

  /** Reads, as every Readable does. */
  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: ReturnType<Readable['read']> = super.read(size)
    this.#read.taken(size, chunk === null)
    return chunk
  }

  override _read(): void {
    this.#read.read()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.active()
    this.#write.write(chunk, (error) => {
      this.active()
      callback(error)
    })
  }

  override _final(callback: Callback): void {
    this.#write.finish(callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    if (this.writableLength === 0 && (error === null || this.#isOfReader(error))) this.#write.leave()
    else this.#write.reset()
    this.#read.stop()
    this.#link.forget()
    super._destroy(error, callback)
  }

  /** Both ends are over, as far as they can be: the peer stopped, and all that it sent was read. */
  #settle(): void {
    const { failure, isIdle, isWhole } = this.#write
    if (!this.readableEnded || this.writableFinished || failure === undefined || !isIdle) return
    // Without that option the end of the reading ends the writing as well, and nothing is missing.
    if (this.allowHalfOpen || !isWhole) this.destroy(failure)
  }

  get #endedWithPeer(): boolean {
    return !this.allowHalfOpen && this.readableEnded && this.writableEnded
  }

  #refuse(args: readonly unknown[]): false {
    const text = 'The peer ended the stream, and this side ended with it; set allowHalfOpen to answer after that'
    const error = new WarrenError('ERR_WARREN_STREAM_ENDED', text, { peer: this.connection.peer.publicKey })
    const callback = args.findLast((arg) => typeof arg === 'function')
    if (callback !== undefined) later(() => callback(error))
    warnOnce(error.message, error.code, error)
    this.destroy(error)
    return false
  }

  /** Node's iterators destroy a Duplex when they have read it all, with an `AbortError` where it could still be written to. */
  #isOfReader(error: Error): boolean {
    return this.readableEnded && error.name === 'AbortError' && error.cause === undefined
  }
}

/** A byte stream that the peer opened one way: the peer writes, this end reads. Its large chunks are slices of larger buffers. */
export class ConnectionReadable extends Readable {
  /** The connection that it is part of. */
  readonly connection: Connection
  /** The name that the peer gave it; `undefined` where it gave none. */
  readonly name: string | undefined
  /** The priority that the peer gave it, 0 to 255. */
  readonly priority: number
  readonly #link: StreamLink
  readonly #read: ReadSide

  constructor(link: StreamLink) {
    super({ highWaterMark: link.highWaterMark ?? READABLE_BYTES })
    this.connection = link.connection
    this.name = link.name
    this.priority = link.priority
    this.#link = link
    this.#read = new ReadSide(this, link.driver, link.id, link.readBudget)
    link.register({ stream: this, context: link.context, read: this.#read, write: undefined })
  }

  /** Bytes that arrived so far: those that were read, and those that wait here to be read. */
  get bytesRead(): number {
    return this.#read.bytes
  }

  /** Emits, as every emitter does; an 'error' that nobody listens to is not an uncaught exception. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return !isUnheard(this, event, args) && super.emit(event, ...args)
  }

  /** Reads, as every Readable does. */
  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: ReturnType<Readable['read']> = super.read(size)
    this.#read.taken(size, chunk === null)
    return chunk
  }

  override _read(): void {
    this.#read.read()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#read.stop()
    this.#link.forget()
    callback(error)
  }
}

/** A byte stream one way: this end writes, the peer reads. 'finish' means that the peer's transport has all of it. */
export class ConnectionWritable extends Writable {
  /** The connection that it is part of. */
  readonly connection: Connection
  /** The name that it was opened with, which the peer sees; `undefined` where there is none. */
  readonly name: string | undefined
  readonly #link: StreamLink
  readonly #write: WriteSide
  #priority: number

  constructor(link: StreamLink) {
    super({ highWaterMark: link.highWaterMark ?? WRITABLE_BYTES })
    this.connection = link.connection
    this.name = link.name
    this.#link = link
    this.#priority = link.priority
    this.#write = new WriteSide(link.driver, link.id, link.attention, () => link.arrived())
    link.register({ stream: this, context: link.context, read: undefined, write: this.#write })
  }

  /** Priority of what it writes, 0 to 255, which leaves before everything lower. It may be set at any time. */
  get priority(): number {
    return this.#priority
  }

  set priority(value: number) {
    this.#priority = changePriority(this.#link, value)
  }

  /** Bytes that were written so far, those that wait here included. */
  get bytesWritten(): number {
    return this.#write.taken + this.writableLength
  }

  /** Emits, as every emitter does; an 'error' that nobody listens to is not an uncaught exception. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return !isUnheard(this, event, args) && super.emit(event, ...args)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#write.write(chunk, callback)
  }

  override _final(callback: Callback): void {
    this.#write.finish(callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    if (error === null && this.writableLength === 0) this.#write.leave()
    else this.#write.reset()
    this.#link.forget()
    callback(error)
  }
}

/** A stream of any direction. */
export type AnyStream = ConnectionStream | ConnectionReadable | ConnectionWritable

/** A stream of the 'stream' event: one that the peer opened both ways, or one way towards this end. */
export type IncomingStream = ConnectionStream | ConnectionReadable

function changePriority({ driver, id }: StreamLink, value: unknown): number {
  const priority = checkPriority(value, 'priority')
  driver.setStreamPriority(id, priority)
  return priority
}

/** At 6.4 Gbit/s some 1.3 ms: a consumer may be that late without holding the sender back. */
const READABLE_BYTES = 2 ** 20

/** Enough that `write` returns false only when the engine is ahead too. */
const WRITABLE_BYTES = 256 * 2 ** 10
