import { EventEmitter, errorMonitor } from 'node:events'
import timers from 'node:timers'

// As in `clock.ts`.
const { setImmediate } = timers

let watch: (emitter: object, callback: Adding) => void

/**
 * An emitter that knows when a listener is added to it, and has none of its own for that: `removeAllListeners()` takes the user's
 * alone. (`once` and `events.on` come through these three.)
 */
export class Emitter<T extends Record<keyof T, unknown[]>> extends EventEmitter<T> {
  #adding: Adding | undefined

  static {
    watch = (emitter, callback) => {
      if (#adding in emitter) emitter.#adding = callback
    }
    for (const method of ['on', 'addListener', 'prependListener'] as const) {
      const add = EventEmitter.prototype[method]
      const value = function (this: EventEmitter, name: string | symbol, listener: () => void): EventEmitter {
        if (#adding in this) this.#adding?.(name)
        return add.call(this, name, listener)
      }
      Object.defineProperty(Emitter.prototype, method, { value, writable: true, configurable: true })
    }
  }
}

/** Calls back when a listener is about to be added to an `Emitter`. */
export function onNewListener(emitter: object, callback: Adding): void {
  watch(emitter, callback)
}

type Adding = (name: string | symbol) => void

/**
 * True for an 'error' that nobody listens to, which then goes to `errorMonitor` alone: what a peer does to a stream is no
 * uncaught exception.
 */
export function isUnheard(emitter: EventEmitter, event: string | symbol, args: readonly unknown[]): boolean {
  if (event !== 'error' || emitter.listenerCount('error') > 0) return false
  emitter.emit(errorMonitor, ...args)
  return true
}

/**
 * Runs what calls a user's listeners in the middle of other work, which goes on whatever they throw: it is raised as the user's own
 * uncaught exception, after this batch of events. What is the last that is done about an event needs no shield: the reader of the
 * records has one.
 */
export function shielded(callback: () => void): void {
  try {
    callback()
  } catch (thrown) {
    setImmediate(() => {
      throw thrown
    })
  }
}
