/**
 * A thread that posts the instants at which urgent objects are due, when they are due.
 *
 * Timers of the event loop are whole milliseconds, up to one late: more than a loopback takes. When the main thread is
 * late, the posts wait for it and keep their instants.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { now } from './now.js'

const { interval } = workerData as { readonly interval: number }
const asleep = new Int32Array(new SharedArrayBuffer(4))

for (let due = now() + interval; ; due += interval) {
  const wait = due - now()
  if (wait > 0) Atomics.wait(asleep, 0, 0, wait)
  parentPort?.postMessage(due)
}
