import type { EventEmitter } from 'node:events'

/** Resolves when the stream has room, or is over. */
export function roomOf(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}
