import { types } from 'node:util'
import { outOfRange, unknownOption, wrongType } from './argument-error.js'

/** Checks one value that came from outside and gives it parsed; `name` is for the error. */
export type Check<T> = (value: unknown, name: string) => T

/** Checks an options object: a name that is not in `checks` is an error, whatever its value. */
export function parseOptions<C extends Record<string, Check<unknown>>>(
  name: string,
  options: unknown,
  checks: C,
): { readonly [K in keyof C]: ReturnType<C[K]> } {
  checkNames(name, options, checks)
  const given = options as Record<string, unknown>
  const parsed: Record<string, unknown> = {}
  for (const key in checks) parsed[key] = checks[key]?.(given[key], `${name}.${key}`)
  return parsed as { readonly [K in keyof C]: ReturnType<C[K]> }
}

/** The half of `parseOptions` that looks at no values. */
export function checkNames(name: string, options: unknown, checks: object): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw notOptions(name, options, checks)
  const keys = Object.keys(options)
  for (const key of keys) if (!Object.hasOwn(checks, key)) throw unknownOption(`${name}.${key}`, Object.keys(checks))
  if (keys.length === 0 && types.isNativeError(options)) throw notOptions(name, options, checks)
}

function notOptions(name: string, options: unknown, checks: object): TypeError {
  return wrongType(name, `an object with some of ${Object.keys(checks).join(', ')}`, options)
}

/** Lets a value be left out; it is `fallback` then. */
export function optional<T, F>(check: Check<T>, fallback: F): Check<T | F> {
  return (value, name) => (value === undefined ? fallback : check(value, name))
}

export function integer(least: number, most: number, unit = ''): Check<number> {
  const expected = `an integer from ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`
  return (value, name) => {
    if (typeof value !== 'number') throw wrongType(name, expected, value)
    if (!Number.isSafeInteger(value) || value < least || value > most) throw outOfRange(name, expected, value)
    return value
  }
}

export const text: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
  return value
}

export const flag: Check<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value)
  return value
}

export function oneOf<T extends string>(...values: readonly T[]): Check<T> {
  const expected = values.map((value) => `'${value}'`).join(' or ')
  return (value, name) => {
    if (typeof value !== 'string') throw wrongType(name, expected, value)
    const found = values.find((candidate) => candidate === value)
    if (found === undefined) throw outOfRange(name, expected, value)
    return found
  }
}

export function listOf<T>(check: Check<T>, most: number): Check<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw wrongType(name, 'an array', value)
    if (value.length > most) throw outOfRange(name, `an array of at most ${most}`, value)
    // Not by map, which leaves holes unchecked.
    return Array.from(value, (item, index) => check(item, `${name}[${index}]`))
  }
}

/** An abort signal of this or of another realm. */
export const signal: Check<AbortSignal> = (value, name) => {
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)
    return value as AbortSignal
  throw wrongType(name, 'an AbortSignal', value)
}
