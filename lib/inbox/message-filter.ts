import { outOfRange } from '../arguments/argument-error.js'
import { optional, parseOptions, signal } from '../arguments/options.js'
import { priority } from '../arguments/priority.js'

/** Options of `messages`: a choice of what the iterator takes. */
export interface MessageFilter {
  /** The lowest priority that is taken. Default 0. */
  readonly minPriority?: number | undefined
  /** The highest priority that is taken. Default 255. */
  readonly maxPriority?: number | undefined
  /** Ends the iterator by a throw of its reason when it aborts; messages that it did not take stay for others. Default: none. */
  readonly signal?: AbortSignal | undefined
}

export interface ParsedFilter extends Range {
  readonly signal: AbortSignal | undefined
}

/** Priorities from the least to the most, both included. */
export interface Range {
  readonly minPriority: number
  readonly maxPriority: number
}

/** Checks the filter of `messages`. */
export function parseFilter(filter: MessageFilter | undefined): ParsedFilter {
  const parsed = parseOptions('filter', filter ?? {}, FILTER_CHECKS)
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
