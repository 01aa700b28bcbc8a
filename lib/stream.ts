import type { Buffer } from 'node:buffer'
import { Duplex, type DuplexOptions, Readable, Writable } from 'node:stream'
import type { Connection } from './connection.js'
import type { Driver } from './driver.js'
import { priority as checkPriority } from './message.js'
import { integer, oneOf, optional, parseOptions } from './options.js'
import type { ReadBudget } from './read-budget.js'
import { ReadSide } from './read-side.js'
import { type Callback, WriteSide } from './write-side.js'

/** How a stream is opened. */
export interface StreamOptions {
  /** 'both' for a Duplex (the default), 'out' for a Writable. */
  readonly direction?: 'both' | 'out' | undefined
  /** 0 to 255, as for messages. Default 0. */
  readonly priority?: number | undefined
  /** How much each side buffers here, in bytes. Default 256 KiB to write; up to 1 MiB to read, and 32 MiB in all such streams of a connection. */
  readonly highWaterMark?: number | undefined
}

/** What a stream needs of the connection below it. */
export interface StreamLink {
  readonly connection: Connection
  readonly driver: Driver
  readonly id: number
  readonly priority: number
  readonly highWaterMark: number | undefined
  /** What its reading side shares with other streams. */
  readonly readBudget: ReadBudget
  /** Where events of this stream go from now on. */
  register(sides: StreamSides): void
  /** No event of this stream is wanted any more. */
  forget(): void
}

/** One stream as its events see it. */
export interface StreamSides {
  readonly stream: Duplex | Readable | Writable
  readonly read: ReadSide | undefined
  readonly write: WriteSide | undefined
}

/**
 * A byte stream both ways. 'finish' means that the peer's transport has all of it; each side ends by itself.
 * Large chunks of what it reads are slices of larger buffers: copy one that is kept for long.
 */
export class ConnectionStream extends Duplex {
  readonly connection: Connection
  readonly #link: StreamLink
  readonly #read: ReadSide
  readonly #write: WriteSide
  #priority: number

  constructor(link: StreamLink) {
    super(duplexMarks(link))
    this.connection = link.connection
    this.#link = link
    this.#priority = link.priority
    this.#read = new ReadSide(this, link.driver, link.id, link.readBudget)
    this.#write = new WriteSide(link.driver, link.id)
    this.on('error', ignore)
    link.register({ stream: this, read: this.#read, write: this.#write })
  }

  /** What it writes leaves before everything of a lower priority. */
  get priority(): number {
    return this.#priority
  }

  set priority(value: number) {
    this.#priority = changePriority(this.#link, value)
  }

  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: ReturnType<Readable['read']> = super.read(size)
    this.#read.taken()
    return chunk
  }

  override _read(): void {
    this.#read.read()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#write.write(chunk, callback)
  }

  override _final(callback: Callback): void {
    this.#write.finish(callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#write.reset()
    this.#read.stop()
    this.#link.forget()
    callback(error)
  }
}

/** A byte stream that the peer opened one way: what it writes, we read. Its large chunks are slices of larger buffers. */
export class ConnectionReadable extends Readable {
  readonly connection: Connection
  /** What the peer gave it. */
  readonly priority: number
  readonly #link: StreamLink
  readonly #read: ReadSide

  constructor(link: StreamLink) {
    super({ highWaterMark: link.highWaterMark ?? READABLE_BYTES })
    this.connection = link.connection
    this.priority = link.priority
    this.#link = link
    this.#read = new ReadSide(this, link.driver, link.id, link.readBudget)
    this.on('error', ignore)
    link.register({ stream: this, read: this.#read, write: undefined })
  }

  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: ReturnType<Readable['read']> = super.read(size)
    this.#read.taken()
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

/** A byte stream one way: what we write, the peer reads. 'finish' means that the peer's transport has all of it. */
export class ConnectionWritable extends Writable {
  readonly connection: Connection
  readonly #link: StreamLink
  readonly #write: WriteSide
  #priority: number

  constructor(link: StreamLink) {
    super({ highWaterMark: link.highWaterMark ?? WRITABLE_BYTES })
    this.connection = link.connection
    this.#link = link
    this.#priority = link.priority
    this.#write = new WriteSide(link.driver, link.id)
    this.on('error', ignore)
    link.register({ stream: this, read: undefined, write: this.#write })
  }

  /** What it writes leaves before everything of a lower priority. */
  get priority(): number {
    return this.#priority
  }

  set priority(value: number) {
    this.#priority = changePriority(this.#link, value)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#write.write(chunk, callback)
  }

  override _final(callback: Callback): void {
    this.#write.finish(callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#write.reset()
    this.#link.forget()
    callback(error)
  }
}

/** What the 'stream' event gives: one opened both ways, or one way towards us. */
export type IncomingStream = ConnectionStream | ConnectionReadable

export interface ParsedStreamOptions {
  readonly direction: 'both' | 'out'
  readonly priority: number
  readonly highWaterMark: number | undefined
}

/** Checks the options of `openStream`. */
export function parseStreamOptions(options: StreamOptions | undefined): ParsedStreamOptions {
  return parseOptions('options', options ?? {}, STREAM_CHECKS)
}

function changePriority({ driver, id }: StreamLink, value: unknown): number {
  const priority = checkPriority(value, 'priority')
  driver.setStreamPriority(id, priority)
  return priority
}

function duplexMarks({ highWaterMark }: StreamLink): DuplexOptions {
  return {
    readableHighWaterMark: highWaterMark ?? READABLE_BYTES,
    writableHighWaterMark: highWaterMark ?? WRITABLE_BYTES,
  }
}

/** Nothing a peer does to a stream is an uncaught exception. */
const ignore = (): void => {}

/** At 6.4 Gbit/s some 1.3 ms: a consumer may be that late without holding the sender back. */
const READABLE_BYTES = 2 ** 20

/** Enough that `write` returns false only when the engine is ahead too. */
const WRITABLE_BYTES = 256 * 2 ** 10

const STREAM_CHECKS = {
  direction: optional(oneOf('both', 'out'), 'both' as const),
  priority: optional(checkPriority, 0),
  highWaterMark: optional(integer(1, 2 ** 30, 'bytes'), undefined),
}
