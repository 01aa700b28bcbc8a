// How bytes pass. `net-parity.test.mjs` runs each over sockets and over streams.

import { once } from 'node:events'
import { Transform } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { drained, half } from './watch.mjs'

const KIB = 1024
const MIB = 1024 * KIB

export const flow = {
  'an echo by pipe ends': async ({ near, far }) => {
    far.pipe(far)
    near.end('echo')
    return text(near)
  },
  'an echo by pipeline through a transform ends': {
    half: true,
    run: async ({ near, far }) => {
      const louder = new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) })
      const done = pipeline(far, louder, far).then(
        () => 'ok',
        ({ code }) => code,
      )
      near.end('echo')
      return [await text(near), await done]
    },
  },
  'a reader that pauses holds the writer back': async ({ near, far }) => {
    far.pause()
    let written = 0
    while (near.write(Buffer.alloc(256 * KIB)) || (await drained(near))) written++
    const held = written < 400
    far.resume()
    while (near.writableLength > 0) await sleep(5)
    return held
  },
  'write() says when to wait, and drain when to go on': async ({ near, far }) => {
    far.resume()
    const goesOn = near.write(Buffer.alloc(4 * MIB))
    await once(near, 'drain')
    return [goesOn, near.writableLength]
  },
  'the callback of a write is called': async ({ near }) => new Promise((resolve) => near.write('x', resolve)),
  'the callback of an end is called': async ({ near, far }) => {
    far.resume()
    return new Promise((resolve) => near.end('x', resolve))
  },
  'corked writes leave together when it is uncorked': async ({ near, far }) => {
    near.cork()
    for (const piece of ['a', 'b', 'c']) near.write(piece)
    process.nextTick(() => near.end())
    await sleep(0)
    return text(far)
  },
  'encodings are those of Node': async ({ near, far }) => {
    far.setEncoding('utf8')
    near.write('68616c6c', 'hex')
    near.end('ö', 'latin1')
    let read = ''
    for await (const chunk of half(far)) read += chunk
    return read
  },
  'a piece of a character waits for its rest': async ({ near, far }) => {
    far.setEncoding('utf8')
    near.write(Buffer.of(0xc3))
    await sleep(20)
    near.end(Buffer.of(0xa4))
    let read = ''
    for await (const chunk of half(far)) read += chunk
    return read
  },
}
