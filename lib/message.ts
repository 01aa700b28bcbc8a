import type { Buffer } from 'node:buffer'
import { outOfRange } from './argument-error.js'
import type { Connection } from './connection.js'
import { type Check, integer, optional, parseOptions, signal } from './options.js'

/** A whole message that arrived. Its bytes own their memory. */
export interface Message {
  readonly bytes: Buffer
  readonly priority: number
  readonly connection: Connection
}

/** Which messages an iterator takes. */
export interface MessageFilter {
  /** Default 0. */
  readonly minPriority?: number | undefined
  /** Default 255. */
  readonly maxPriority?: number | undefined
  /** Ends the iterator by a throw of its reason; what it did not take stays for others. */
  readonly signal?: AbortSignal | undefined
}

/** How a message leaves. */
export interface SendOptions {
  /** 0 to 255, higher leaves first, strictly. Default 0. */
  readonly priority?: number | undefined
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
  readonly signal: AbortSignal | undefined
}

/** Checks the options of `send`. */
export function parseSend(options: SendOptions | undefined): {
  readonly priority: number
  readonly signal: AbortSignal | undefined
} {
  return options === undefined ? DEFAULT_SEND : parseOptions('options', options, SEND_CHECKS)
}

/** Checks the filter of `messages`. */
export function parseFilter(filter: MessageFilter | undefined): ParsedFilter {
  const parsed = parseOptions('filter', filter ?? {}, FILTER_CHECKS)
  if (parsed.minPriority > parsed.maxPriority) {
    throw outOfRange('filter.minPriority', `at most filter.maxPriority (${parsed.maxPriority})`, parsed.minPriority)
  }
  return parsed
}

/** Checks a priority. */
export const priority: Check<number> = integer(0, 255)

const DEFAULT_SEND = { priority: 0, signal: undefined }

const SEND_CHECKS = { priority: optional(priority, 0), signal: optional(signal, undefined) }

const FILTER_CHECKS = {
  minPriority: optional(priority, 0),
  maxPriority: optional(priority, 255),
  signal: optional(signal, undefined),
}
