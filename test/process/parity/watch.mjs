// What the behaviours look at.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** Reads without destroying the end. */
export function half(stream) {
  return stream.iterator({ destroyOnReturn: false })
}

/** `events.once` rejects at an error; `closed` is true a tick before 'close'. */
export function shut(stream) {
  stream.on('error', () => undefined)
  return new Promise((resolve) => (stream.closed ? setImmediate(resolve) : stream.once('close', resolve)))
}

/** A byte went each way: what follows is not about the beginning. */
export async function ready(near, far) {
  near.once('data', () => undefined).resume()
  far.write('!')
  await new Promise((resolve) => near.once('data', resolve))
  await sleep(20)
}

/** True when it drained before it was plain that it will not. */
export function drained(stream) {
  return Promise.race([once(stream, 'drain').then(() => true), sleep(200).then(() => false)])
}

export function record(stream) {
  const log = []
  for (const name of ['end', 'finish', 'close', 'error']) stream.on(name, () => log.push(name))
  return log
}

export function seen(stream, ...names) {
  return Object.fromEntries(names.map((name) => [name, stream[name]]))
}

export function* endless() {
  for (;;) yield Buffer.alloc(16 * 1024)
}
