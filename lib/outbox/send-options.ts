import { types } from 'node:util'
import { outOfRange } from '../arguments/argument-error.js'
import { checkBytes } from '../arguments/bytes.js'
import { checkNames, integer, optional, signal, text } from '../arguments/options.js'
import { priority } from '../arguments/priority.js'
import type { Outcome } from '../driver.js'
import type { Limits } from '../generated/limits.js'
import { LONGEST_TIMER } from '../waiting/clock.js'

/** Options of `send`. */
export interface SendOptions {
  /** Priority, 0 to 255: higher leaves first, strictly. Default 0. */
  readonly priority?: number | undefined
  /** Milliseconds from the call after which an undelivered message is given up, and settles as 'expired'. Default: none. */
  readonly lifetime?: number | undefined
  /** Name of a slot of the connection: its undelivered message is given up for this one, and settles as 'replaced'. Default: no slot. */
  readonly replaces?: string | undefined
  /** Takes the message back when it aborts: rejects the send while it waits, settles it as 'cancelled' later. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** A message on its way. */
export interface Outgoing {
  /** Settles with the outcome; never rejects, and costs nothing unless it is read. */
  readonly settled: Promise<Outcome>
  /** Gives the message up, if it is not delivered yet; `settled` tells the outcome. */
  cancel(): void
}

export interface ParsedSend {
  readonly priority: number
  readonly lifetime: number | undefined
  readonly replaces: string | undefined
  readonly signal: AbortSignal | undefined
}

/** Checks the options of `send`: one by one, because it is done for each message. */
export function parseSend(options: SendOptions | undefined): ParsedSend {
  if (options === undefined) return DEFAULT_SEND
  checkNames('options', options, SEND_CHECKS)
  return {
    priority: SEND_CHECKS.priority(options.priority, 'options.priority'),
    lifetime: SEND_CHECKS.lifetime(options.lifetime, 'options.lifetime'),
    replaces: SEND_CHECKS.replaces(options.replaces, 'options.replaces'),
    signal: SEND_CHECKS.signal(options.signal, 'options.signal'),
  }
}

/** Checks the bytes of a message, and gives them under a length that no other thread changes: shared memory can grow at any time. */
export function parseMessage(bytes: unknown, { messageBytes }: Limits): Uint8Array {
  checkBytes(bytes, 'bytes')
  const { buffer, byteOffset, byteLength } = bytes
  if (byteLength > messageBytes) {
    const expected = `at most limits.messageBytes (${messageBytes}) long`
    throw outOfRange('bytes', expected, byteLength, 'ERR_WARREN_MESSAGE_TOO_LARGE')
  }
  return types.isSharedArrayBuffer(buffer) ? new Uint8Array(buffer, byteOffset, byteLength) : bytes
}

const DEFAULT_SEND: ParsedSend = { priority: 0, lifetime: undefined, replaces: undefined, signal: undefined }

/** Checks of the options of `send`. */
export const SEND_CHECKS = {
  priority: optional(priority, 0),
  lifetime: optional(integer(1, LONGEST_TIMER, 'milliseconds'), undefined),
  replaces: optional(text, undefined),
  signal: optional(signal, undefined),
}
