import type { DriverClose } from '../driver.js'

/** The code with which a connection closes that gave way to another one: above those that an application has. */
export const SUPERSEDED_CODE = 2 ** 32 + 1

/** The reason that goes with it. */
export const SUPERSEDED = 'superseded'

/** The code with which a live connection closes whose protocol is below a floor. */
export const BELOW_FLOOR_CODE = 2 ** 32 + 2

/** Whether a live connection closed since its protocol is below a floor, of either end. */
export function isOfFloor({ cause, code }: Pick<DriverClose, 'cause' | 'code'>): boolean {
  return cause === 'application' && code === BELOW_FLOOR_CODE
}
