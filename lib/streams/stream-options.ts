import { Buffer } from 'node:buffer'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, flag, integer, oneOf, optional, parseOptions, signal } from '../arguments/options.js'
import { priority } from '../arguments/priority.js'

/** Options of `openStream`. */
export interface StreamOptions {
  /** Directions of the stream: 'both' for a Duplex (the default), 'out' for a Writable. */
  readonly direction?: 'both' | 'out' | undefined
  /** Priority, 0 to 255, as for messages. Default 0. */
  readonly priority?: number | undefined
  /** Name of the stream, which the peer sees as `stream.name`: at most 255 bytes of UTF-8. Default: none. */
  readonly name?: string | undefined
  /** Bytes that each side buffers here. Default 256 KiB to write; up to 1 MiB to read, and 32 MiB in all such streams of a connection. */
  readonly highWaterMark?: number | undefined
  /**
   * Keeps the own side open when the peer's side has ended and was read. False: the own side ends by itself then, as in `node:net`.
   * Default: the device's, and there false.
   */
  readonly allowHalfOpen?: boolean | undefined
  /** Destroys the stream when it aborts, with an `AbortError`. Default: none. */
  readonly signal?: AbortSignal | undefined
}

export interface ParsedStreamOptions {
  readonly direction: 'both' | 'out'
  readonly priority: number
  readonly name: string | undefined
  readonly highWaterMark: number | undefined
  readonly allowHalfOpen: boolean | undefined
  readonly signal: AbortSignal | undefined
}

/** Checks the options of `openStream`. */
export function parseStreamOptions(options: StreamOptions = {}): ParsedStreamOptions {
  return parseOptions('options', options, CHECKS)
}

/** The error of a stream whose signal aborted: the same that streams of Node have. */
export function abortError(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

const name: Check<string> = (value, option) => {
  if (typeof value !== 'string') throw wrongType(option, 'a string', value)
  const bytes = Buffer.byteLength(value)
  // A lone surrogate has no UTF-8: the peer would see another name.
  if (bytes > LONGEST_NAME || Buffer.from(value).toString() !== value)
    throw outOfRange(option, `well-formed text of at most ${LONGEST_NAME} bytes of UTF-8`, value)
  return value
}

/** One byte of the stream's header tells it (`native/quic/src/header.rs`). */
const LONGEST_NAME = 255

const CHECKS = {
  direction: optional(oneOf('both', 'out'), 'both' as const),
  priority: optional(priority, 0),
  name: optional(name, undefined),
  highWaterMark: optional(integer(1, 2 ** 30, 'bytes'), undefined),
  allowHalfOpen: optional(flag, undefined),
  signal: optional(signal, undefined),
}
