import { Buffer } from 'node:buffer'
import type { DriverClose } from '../driver.js'
import { fromClose, nativeError, type WarrenError } from '../errors.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { outOfRange } from './argument-error.js'
import { isOfFloor } from './close-codes.js'
import { type Check, integer, optional, parseOptions, text } from './options.js'

/** Options of `close` and `remove`. The other end gets code and reason. */
export interface CloseOptions {
  /** A number of the application's own, 0 to 2³² - 1. Default 0. */
  readonly code?: number | undefined
  /** A text for people, at most 256 bytes of UTF-8. Default: none. */
  readonly reason?: string | undefined
  /** Time to deliver what was sent before, in milliseconds. 0: none, all of it is lost. Default 5,000. */
  readonly timeout?: number | undefined
}

/** Options of `destroy`, which ends at once: there is no time to wait. */
export type DestroyOptions = Omit<CloseOptions, 'timeout'>

/** The end of a connection or a device: by whom, and why. */
export interface CloseReason {
  /** The application at this end, that at the other end, or neither: the network, a limit, a fault. */
  readonly by: 'local' | 'remote' | 'network'
  /** The number given to `close`; 0 where none was. */
  readonly code: number
  /** A text for people: at most 256 bytes that came, with control characters spelled out, so that a log shows them and obeys none. */
  readonly reason: string
  /** The reason as the other end gave it, where that is another text. */
  readonly rawReason?: string | undefined
  /** The failure, such as `ERR_WARREN_PEER_DEAD`; `undefined` where an application closed. */
  readonly error: WarrenError | undefined
}

export interface ParsedClose {
  readonly code: number
  readonly reason: string
  readonly timeout: number
}

/** Checks the options of `close` and `remove`. */
export function parseClose(options: CloseOptions = {}, name = 'options'): ParsedClose {
  return parseOptions(name, options, CLOSE_CHECKS)
}

/** Checks the options of `destroy`. */
export function parseDestroy(options: DestroyOptions = {}): Omit<ParsedClose, 'timeout'> {
  return parseOptions('options', options, DESTROY_CHECKS)
}

/** Reason for the application, of an ending that a driver reported. */
export function closeReasonOf(close: DriverClose, peer: string): CloseReason {
  const { by, reason, rawReason } = close
  const code = close.code < 2 ** 32 ? close.code : 0
  const error = isOfFloor(close) ? nativeError('below-floor', reason, { peer }) : fromClose(close, peer)
  return { by, code, reason, ...(rawReason !== undefined && { rawReason }), error }
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

const CLOSE_CHECKS = {
  ...DESTROY_CHECKS,
  timeout: optional(integer(0, LONGEST_TIMER, 'milliseconds'), 5_000),
}
