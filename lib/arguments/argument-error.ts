import { inspect } from 'node:util'
import type { WarrenErrorCode } from '../errors.js'

/** An argument of the wrong type: names it, what is expected, and what came. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return coded(new TypeError(`${name} must be ${expected}; got ${describe(value)}`), 'ERR_WARREN_INVALID_ARGUMENT')
}

/** An argument of the right type whose value cannot be used. */
export function outOfRange(
  name: string,
  expected: string,
  value: unknown,
  code: WarrenErrorCode = 'ERR_WARREN_INVALID_ARGUMENT',
): RangeError {
  return coded(new RangeError(`${name} must be ${expected}; got ${describe(value)}`), code)
}

/** Bytes that were lent until they are copied, and whose memory was transferred or resized before. */
export function changedBytes(name: string, change: string): TypeError {
  const message = `${name} must not change before ${change}: the memory was transferred or resized`
  return coded(new TypeError(message), 'ERR_WARREN_INVALID_ARGUMENT')
}

/** An option that does not exist, with those that do. */
export function unknownOption(name: string, known: readonly string[]): TypeError {
  return coded(new TypeError(`${name} is not an option; there are ${known.join(', ')}`), 'ERR_WARREN_UNKNOWN_OPTION')
}

/** Gives an error of the language the code under which it is documented. */
export function coded<E extends Error>(error: E, code: WarrenErrorCode): E & { readonly code: WarrenErrorCode } {
  return Object.assign(error, { code })
}

/** A class that is not for `new`; `instead` is how its instances come about. */
export function notConstructed(name: string, instead: string): TypeError {
  return coded(new TypeError(`${name} is not made by new: ${instead}`), 'ERR_WARREN_INVALID_ARGUMENT')
}

/** Describes a value that came, for the end of a message. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return value.length > LONGEST ? `a string of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return inspect(value)
  return Array.isArray(value)
    ? `an array of ${value.length}`
    : `an instance of ${value.constructor?.name ?? 'no class'}`
}

/** Long enough for an endpoint or a prefix, shorter than a key: what came is shown, a secret never is. */
const LONGEST = 42
