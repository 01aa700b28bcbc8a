import type { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import type { Limits } from '../arguments/limits.js'
import {
  type Check,
  checkNames,
  integer,
  LONGEST_TIMER,
  optional,
  parseOptions,
  signal,
  text,
} from '../arguments/options.js'
import type { Connection } from '../connection/connection.js'

/** A whole message that arrived. Its bytes own their memory. */
export interface Message {
  readonly bytes: Buffer
  readonly priority: number
  readonly connection: Connection
}

/** An iterator over messages. Leaving it, by `return()` or `await using`, loses nothing. */
export type Messages = AsyncIterableIterator<Message> & AsyncDisposable

/** Which messages an iterator takes. */
export interface MessageFilter {
  /** Default 0. */
  readonly minPriority?: number | undefined
  /** Default 255. */
  readonly maxPriority?: number | undefined
  /** Ends the iterator by a throw of its reason; what it did not take stays for others. */
  readonly signal?: AbortSignal | undefined
}

/** Which messages an iterator over all connections of a device takes. */
export interface DeviceMessageFilter extends MessageFilter {
  /** Those of connections in this protocol alone. Default: of all. */
  readonly protocol?: string | undefined
}

/** How a message leaves. */
export interface SendOptions {
  /** 0 to 255, higher leaves first, strictly. Default 0. */
  readonly priority?: number | undefined
  /** Milliseconds, counted from the call: what is not delivered by then is given up, and settles as 'expired'. */
  readonly lifetime?: number | undefined
  /** A slot of the connection: its undelivered message is given up for this one, and settles as 'replaced'. */
  readonly replaces?: string | undefined
  /** Takes the message back: rejects the send while it waits, settles it as 'cancelled' where it can later. */
  readonly signal?: AbortSignal | undefined
}

/** How a message that was sent ended: 'delivered' means that the peer's device holds all of it, 'lost' that nobody knows. */
export type Outcome = 'delivered' | 'expired' | 'cancelled' | 'replaced' | 'dropped' | 'lost'

/** A message on its way. */
export interface Outgoing {
  /** Never rejects, and costs nothing unless it is read. */
  readonly settled: Promise<Outcome>
  /** Gives the message up; how that ended is in `settled`. */
  cancel(): void
}

export interface ParsedFilter {
  readonly minPriority: number
  readonly maxPriority: number
  readonly protocol: string | undefined
  readonly signal: AbortSignal | undefined
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
  if (!types.isUint8Array(bytes)) throw wrongType('bytes', 'a Uint8Array', bytes)
  const { buffer, byteOffset, byteLength } = bytes
  if (byteLength > messageBytes) {
    const expected = `at most limits.messageBytes (${messageBytes}) long`
    throw outOfRange('bytes', expected, byteLength, 'ERR_WARREN_MESSAGE_TOO_LARGE')
  }
  return types.isSharedArrayBuffer(buffer) ? new Uint8Array(buffer, byteOffset, byteLength) : bytes
}

/** Checks the filter of `messages` of a connection. */
export function parseFilter(filter: MessageFilter | undefined): ParsedFilter {
  return inOrder({ ...parseOptions('filter', filter ?? {}, FILTER_CHECKS), protocol: undefined })
}

/** Checks the filter of `messages` of a device. */
export function parseDeviceFilter(filter: DeviceMessageFilter | undefined): ParsedFilter {
  return inOrder(parseOptions('filter', filter ?? {}, { ...FILTER_CHECKS, protocol: optional(text, undefined) }))
}

function inOrder(parsed: ParsedFilter): ParsedFilter {
  if (parsed.minPriority > parsed.maxPriority) {
    throw outOfRange('filter.minPriority', `at most filter.maxPriority (${parsed.maxPriority})`, parsed.minPriority)
  }
  return parsed
}

/** Checks a priority. */
export const priority: Check<number> = integer(0, 255)

const DEFAULT_SEND: ParsedSend = { priority: 0, lifetime: undefined, replaces: undefined, signal: undefined }

/** Of each option of `send`. */
export const SEND_CHECKS = {
  priority: optional(priority, 0),
  lifetime: optional(integer(1, LONGEST_TIMER, 'milliseconds'), undefined),
  replaces: optional(text, undefined),
  signal: optional(signal, undefined),
}

const FILTER_CHECKS = {
  minPriority: optional(priority, 0),
  maxPriority: optional(priority, 255),
  signal: optional(signal, undefined),
}
