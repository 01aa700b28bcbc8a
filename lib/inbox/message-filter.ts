import { outOfRange } from '../arguments/argument-error.js'
import { optional, parseOptions, signal, text } from '../arguments/options.js'
import { priority } from '../arguments/priority.js'
import type { Range } from './range.js'

/** Options of `messages`: a choice of what the iterator takes. */
export interface MessageFilter {
  /** The lowest priority that is taken. Default 0. */
  readonly minPriority?: number | undefined
  /** The highest priority that is taken. Default 255. */
  readonly maxPriority?: number | undefined
  /** Ends the iterator by a throw of its reason when it aborts; messages that it did not take stay for others. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Options of a device's `messages`, over all its connections. */
export interface DeviceMessageFilter extends MessageFilter {
  /** The protocol of the connections whose messages are taken. Default: all protocols. */
  readonly protocol?: string | undefined
}

export interface ParsedFilter extends Range {
  readonly signal: AbortSignal | undefined
}

/** Checks the filter of `messages` of a connection. */
export function parseFilter(filter: MessageFilter = {}): ParsedFilter {
  return inOrder({ ...parseOptions('filter', filter, FILTER_CHECKS), protocol: undefined })
}

/** Checks the filter of `messages` of a device. */
export function parseDeviceFilter(filter: DeviceMessageFilter = {}): ParsedFilter {
  return inOrder(parseOptions('filter', filter, DEVICE_FILTER_CHECKS))
}

function inOrder(parsed: ParsedFilter): ParsedFilter {
  if (parsed.minPriority > parsed.maxPriority) {
    throw outOfRange('filter.minPriority', `at most filter.maxPriority (${parsed.maxPriority})`, parsed.minPriority)
  }
  return parsed
}

const FILTER_CHECKS = {
  minPriority: optional(priority, 0),
  maxPriority: optional(priority, 255),
  signal: optional(signal, undefined),
}

const DEVICE_FILTER_CHECKS = { ...FILTER_CHECKS, protocol: optional(text, undefined) }
