/** Pieces between turns of the event loop, where a transport never says that it is full. */
const PIECES = 64

/** Gives a promise of the next turn of the event loop at each 64th call, and undefined else. */
export function everyFewPieces(): () => Promise<unknown> | undefined {
  let pieces = 0
  return () => {
    pieces += 1
    return pieces % PIECES === 0 ? new Promise(setImmediate) : undefined
  }
}
