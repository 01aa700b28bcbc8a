import type { EventEmitter } from 'node:events'

/** Calls back when a listener is about to be added. The event is every emitter's own, so no map of events names it. */
export function onNewListener(emitter: object, callback: (name: string | symbol) => void): void {
  ;(emitter as EventEmitter).on('newListener', callback)
}

/**
 * Runs what calls a user's listeners. What they throw is the user's own uncaught exception, raised after this batch of events, so
 * that one wrong listener loses nobody else's events.
 */
export function shielded(callback: () => void): void {
  try {
    callback()
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
  }
}
