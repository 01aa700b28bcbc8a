import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// Of the module, and of the moment of import: fake timers stop no tunnel, whether they replace the globals (jest, jsdom) or,
// later, the module's properties (`node:test`).
const { setTimeout, clearTimeout } = timers

/** Time and chance for what decides here; replaced only by tests. */
export interface Clock {
  /** Milliseconds that never go back. A suspend may not count (on Linux it does not): sessions age by the clock of the driver. */
  now(): number
  /** Calls back once after `milliseconds`, unless cancelled. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): Timer
  /** From 0 up to 1. */
  random(): number
  /** The calendar's time, in milliseconds since 1970. It may be set, also back. */
  date(): number
}

export interface Timer {
  cancel(): void
}

/** The real clock. */
export const systemClock: Clock = {
  now: performance.now.bind(performance),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  random: Math.random,
  date: Date.now.bind(Date),
}

/** Calls back when the code that runs now is done. (Fake timers replace `process.nextTick` and `queueMicrotask` as well.) */
export function later(callback: () => void): void {
  void DONE.then(callback)
}

const DONE = Promise.resolve()

/** The longest time that a timer of Node takes, in milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1
