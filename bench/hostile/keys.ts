import { PrivateKey } from 'warren'

/** Keys that the program in `native/fuzz` has too: it makes them of a number. */
export function key(number: number): PrivateKey {
  return PrivateKey.from(new Uint8Array(32).fill(number + 1))
}

export const VICTIM = 0
export const HONEST = 1
/** The hostile peer, and those who hold dials for it. */
export const HOSTILE: readonly number[] = [2, ...Array.from({ length: 64 }, (_, index) => 100 + index)]
