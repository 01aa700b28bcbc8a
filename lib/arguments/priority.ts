import { type Check, integer } from './options.js'

/** Checks a priority. */
export const priority: Check<number> = integer(0, 255)
