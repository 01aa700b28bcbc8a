import { Buffer } from 'node:buffer'
import type { DriverClose } from '../driver.js'
import { fromClose, type WarrenError } from '../errors.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { outOfRange } from './argument-error.js'
import { type Check, integer, optional, parseOptions, text } from './options.js'

/** How to end something. Code and reason reach the other end. */
export interface CloseOptions {
  /** The application's own number. Default 0. */
  readonly code?: number | undefined
  /** For people: at most 256 bytes of UTF-8. */
  readonly reason?: string | undefined
  /** How long what was admitted may take to be delivered, in milliseconds. Default 5,000. */
  readonly timeout?: number | undefined
}

/** How to end something at once. */
export type DestroyOptions = Omit<CloseOptions, 'timeout'>

/** Who ended a connection or a device, and why. */
export interface CloseReason {
  /** This end's application, the other's, or neither. */
  readonly by: 'local' | 'remote' | 'network'
  readonly code: number
  /** For people: at most 256 bytes that came, with control characters spelled out, so that a log shows them and obeys none. */
  readonly reason: string
  /** The reason as the other end gave it, where that is another text. */
  readonly rawReason?: string | undefined
  /** What went wrong; `undefined` where an application closed. */
  readonly error: WarrenError | undefined
}

export interface ParsedClose {
  readonly code: number
  readonly reason: string
  readonly timeout: number
}

/** Checks the options of `close` and `remove`. */
export function parseClose(options: CloseOptions | undefined, name = 'options'): ParsedClose {
  return parseOptions(name, options ?? {}, {
    ...DESTROY_CHECKS,
    timeout: optional(integer(0, LONGEST_TIMER, 'milliseconds'), 5_000),
  })
}

/** Checks the options of `destroy`. */
export function parseDestroy(options: DestroyOptions | undefined): Omit<ParsedClose, 'timeout'> {
  return parseOptions('options', options ?? {}, DESTROY_CHECKS)
}

/** What the application is told of an ending that a driver reported. */
export function closeReasonOf(close: DriverClose, peer: string): CloseReason {
  const { by, code, reason, rawReason } = close
  return { by, code, reason, ...(rawReason !== undefined && { rawReason }), error: fromClose(close, peer) }
}

/** Leaves room for the rest of the closing packet in the 1,200 bytes that any path carries (RFC 9000 section 14). */
const REASON_BYTES = 256

const closeReasonText: Check<string> = (value, name) => {
  const reason = text(value, name)
  if (Buffer.byteLength(reason) > REASON_BYTES) throw outOfRange(name, `at most ${REASON_BYTES} bytes of UTF-8`, reason)
  return reason
}

const DESTROY_CHECKS = {
  code: optional(integer(0, 2 ** 32 - 1), 0),
  reason: optional(closeReasonText, ''),
}
