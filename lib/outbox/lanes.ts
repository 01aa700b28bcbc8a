import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, integer, oneOf, optional, parseOptions } from '../arguments/options.js'
import type { DriverLane } from '../driver.js'

/** Policies of lanes, by priority. */
export type LaneTable = Readonly<Record<number, LaneOptions | undefined>>

/** A lane is one priority of one connection; these options hold for that priority on all connections of a device. */
export interface LaneOptions {
  /**
   * Policy for a message that finds the lane full. 'wait' (the default): `send` waits for room. 'drop-oldest': the oldest that have not
   * begun to leave are dropped for it. 'drop-newest': it is dropped itself. 'close': the connection ends with `ERR_WARREN_LANE_FULL`.
   */
  readonly full?: 'wait' | 'drop-oldest' | 'drop-newest' | 'close' | undefined
  /** Bytes that may wait in the lane, per connection; a message that is longer goes alone. Default 4 MiB. */
  readonly maxQueuedBytes?: number | undefined
  /** Rate in bits per second, over all connections of the device. Default: not bounded. */
  readonly rate?: number | undefined
}

/** Policy of a full lane. */
export interface LanePolicy {
  readonly full: DriverLane['full']
  readonly maxQueuedBytes: number
}

/** The lanes of a device that are special, by priority. */
export type ParsedLanes = ReadonlyMap<number, DriverLane>

/** Checks the `lanes` of a device. */
export const lanes: Check<ParsedLanes> = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map)
    throw wrongType(name, 'an object whose keys are priorities', value)
  const parsed = new Map<number, DriverLane>()
  for (const [key, options] of Object.entries(value)) {
    if (!PRIORITY.test(key) || Number(key) > 255) throw outOfRange(`A key of ${name}`, 'a priority from 0 to 255', key)
    if (options === undefined) continue
    parsed.set(Number(key), { priority: Number(key), ...parseOptions(`${name}[${key}]`, options, CHECKS) })
  }
  return parsed
}

/** No lane is special. */
export const NO_LANES: ParsedLanes = new Map()

/** The policy of a lane. */
export function policyOf(table: ParsedLanes, priority: number): LanePolicy {
  return table.get(priority) ?? DEFAULT_POLICY
}

const PRIORITY = /^(0|[1-9]\d{0,2})$/

/** Some 5 ms at 6.4 Gbit/s, longer than any wake. */
const LANE_BYTES = 4 * 2 ** 20

const CHECKS = {
  full: optional(oneOf('wait', 'drop-oldest', 'drop-newest', 'close'), 'wait' as const),
  maxQueuedBytes: optional(integer(1, 2 ** 32 - 1, 'bytes'), LANE_BYTES),
  rate: optional(integer(1, Number.MAX_SAFE_INTEGER, 'bits per second'), undefined),
}

const DEFAULT_POLICY: LanePolicy = { full: 'wait', maxQueuedBytes: LANE_BYTES }
