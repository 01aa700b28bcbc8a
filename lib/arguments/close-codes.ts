/** The code with which a connection closes that gave way to another one: above those that an application has. */
export const SUPERSEDED_CODE = 2 ** 32 + 1

/** The reason that goes with it. */
export const SUPERSEDED = 'superseded'

/** The code with which a live connection closes whose protocol is below a floor. */
export const BELOW_FLOOR_CODE = 2 ** 32 + 2
