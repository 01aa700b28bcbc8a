const { setTimeout, clearTimeout } = globalThis

/** Time and chance for what decides here; replaced only by tests. */
export interface Clock {
  /** Milliseconds that never go back. A suspend may not count (on Linux it does not): sessions age by the clock of the driver. */
  now(): number
  /** Calls back once after `milliseconds`, unless cancelled. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): Timer
  /** From 0 up to 1. */
  random(): number
}

export interface Timer {
  cancel(): void
}

/** The real clock, with the timers of the moment of import: a user's fake timers do not stop tunnels. */
export const systemClock: Clock = {
  now: performance.now.bind(performance),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  random: Math.random,
}
