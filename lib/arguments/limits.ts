import { ENGINE_LIMITS, type EngineLimits, LIMIT_RULES, type Limits } from '../generated/limits.js'
import { type Check, integer, optional, parseOptions } from './options.js'

/** Checks the `limits` of a device. */
export const limits: Check<Limits> = (value, name) => {
  const given = parseOptions(name, value, CHECKS)
  return Object.fromEntries(NAMES.map((limit) => [limit, amountOf(limit, given)])) as Record<keyof Limits, number>
}

/** Picks the limits that the engine counts; the others are counted in `queued-bytes.ts` and `strangers.ts`. */
export function engineLimits(all: Limits): EngineLimits {
  return Object.fromEntries(ENGINE_LIMITS.map((limit) => [limit, all[limit]])) as Record<keyof EngineLimits, number>
}

function amountOf(limit: keyof Limits, given: { readonly [K in string]?: number | undefined }): number {
  const { otherwise } = LIMIT_RULES[limit]
  const value = given[limit]
  if (value !== undefined) return value
  return typeof otherwise === 'number' ? otherwise : Math.ceil(amountOf(otherwise.of, given) / otherwise.parts)
}

const NAMES = Object.keys(LIMIT_RULES) as (keyof Limits)[]

const CHECKS = Object.fromEntries(
  NAMES.map((limit) => {
    const { least, most } = LIMIT_RULES[limit]
    return [limit, optional(integer(least, most), undefined)]
  }),
)

/** Limits of a device that names none. */
export const DEFAULT_LIMITS: Limits = limits({}, 'limits')
