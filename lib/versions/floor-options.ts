import { types } from 'node:util'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, integer, optional, parseOptions } from '../arguments/options.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import type { Floor } from './floors.js'
import { protocolName } from './protocols.js'

/** Options of `setFloor`. */
export interface FloorOptions {
  /** Time from which the floor holds. Default: now. */
  readonly from?: Date | undefined
  /** Milliseconds that live connections below the floor have to move, before they are closed. Default 5,000. */
  readonly grace?: number | undefined
}

/** Checks the arguments of `setFloor`. */
export function parseFloor(protocol: unknown, options: FloorOptions): Floor {
  const { from, grace } = parseOptions('options', options, CHECKS)
  return { protocol: protocolName(protocol, 'protocol'), from, grace }
}

const date: Check<number> = (value, name) => {
  if (!types.isDate(value)) throw wrongType(name, 'a Date', value)
  const time = Number(value)
  if (Number.isNaN(time)) throw outOfRange(name, 'a valid Date', value)
  return time
}

const CHECKS = {
  from: optional(date, Number.NEGATIVE_INFINITY),
  grace: optional(integer(0, LONGEST_TIMER, 'milliseconds'), 5_000),
}
