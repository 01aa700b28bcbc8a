import { outOfRange } from '../arguments/argument-error.js'
import { type Check, listOf, oneOf } from '../arguments/options.js'

/** Check of transports, best first: one or more of those there are, each once. */
export const transports: Check<readonly string[]> = (value, name) => {
  const names = listOf(oneOf(...DEFAULT_TRANSPORTS), 16)(value, name)
  if (names.length === 0 || new Set(names).size < names.length)
    throw outOfRange(name, 'one transport or more, each once', value)
  return names
}

/** Transports that there are, best first. */
export const DEFAULT_TRANSPORTS: readonly string[] = ['quic/1']
