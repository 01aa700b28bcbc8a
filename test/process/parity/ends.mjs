// How the two sides of a stream end. `net-parity.test.mjs` runs each over sockets and over streams.

import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { endless, half, record, seen, shut } from './watch.mjs'

const MIB = 2 ** 20

export const ends = {
  'bytes go both ways': async ({ near, far }) => {
    near.end('there')
    far.end('and back')
    return Promise.all([text(half(far)), text(half(near))])
  },
  'what is written before anybody listens waits': async ({ near, far }) => {
    near.end('early')
    await sleep(50)
    return text(far)
  },
  'an end is heard by an end that only writes': async ({ near, far }) => {
    near.write('x')
    far.resume().end()
    await once(near, 'end')
    return seen(near, 'readableEnded')
  },
  'an end with nothing before it is heard by who never reads': async ({ near, far }) => {
    near.end()
    await once(far, 'end')
    return seen(far, 'readableEnded', 'bytesRead')
  },
  'an end behind bytes is not heard by who never reads': async ({ near, far }) => {
    near.end('x')
    let ended = false
    far.on('end', () => (ended = true))
    await sleep(100)
    return ended
  },
  'an end behind bytes is heard once they were read': async ({ near, far }) => {
    near.end('x')
    await once(far, 'readable')
    far.read()
    far.read()
    await once(far, 'end')
    return seen(far, 'readableEnded')
  },
  'the own side ends with the peer': async ({ near, far }) => {
    near.resume().end('x')
    far.resume()
    await Promise.all([shut(near), shut(far)])
    return [near, far].map((end) => seen(end, 'writableEnded', 'writableFinished', 'destroyed', 'errored'))
  },
  'the own side waits for the bytes before the end': async ({ near, far }) => {
    near.end(Buffer.alloc(MIB))
    await sleep(50)
    const before = far.writableEnded
    far.resume()
    near.resume()
    await Promise.all([shut(near), shut(far)])
    return [before, far.writableEnded]
  },
  'what waits to be written is written before the own side ends': async ({ near, far }) => {
    near.end()
    far.write(Buffer.alloc(2 * MIB))
    const got = await buffer(near)
    await shut(far)
    return [got.length, far.errored]
  },
  'the events of an end come in their order': async ({ near, far }) => {
    const log = record(far)
    near.resume()
    far.resume()
    near.end('x')
    await shut(far)
    return log
  },
  'a half open end answers after the peer ended': {
    half: true,
    run: async ({ near, far }) => {
      near.end('question')
      const question = await text(half(far))
      await sleep(30)
      far.end(`answer to ${question}`)
      return text(near)
    },
  },
  'a half open end stays open until it ends itself': {
    half: true,
    run: async ({ near, far }) => {
      near.end()
      far.resume()
      await once(far, 'end')
      await sleep(50)
      const open = seen(far, 'writable', 'destroyed')
      near.resume()
      far.end()
      await shut(far)
      return [open, seen(far, 'destroyed', 'errored')]
    },
  },
  'both ends are over when both have ended': {
    half: true,
    run: async ({ near, far }) => {
      const logs = [record(near), record(far)]
      for (const end of [near, far]) end.resume().end('x')
      await Promise.all([shut(near), shut(far)])
      return logs.map((log) => log.filter((name) => name === 'close' || name === 'error'))
    },
  },
  'a write after the own side ended with the peer is an error': async ({ near, far }) => {
    near.end()
    far.resume()
    near.resume()
    await once(far, 'end')
    await sleep(0)
    const failure = await new Promise((resolve) => far.write('late', resolve))
    return [failure instanceof Error, far.destroyed]
  },
  'a write after the own end is an error': async ({ near }) => {
    near.end()
    const errors = []
    near.on('error', ({ code }) => errors.push(code))
    near.write('late', ({ code }) => errors.push(code))
    await shut(near)
    return errors
  },
  'a write after a destroy is an error of the callback alone': async ({ near }) => {
    const errors = []
    near.on('error', ({ code }) => errors.push(`event ${code}`))
    near.destroy()
    near.write('late', ({ code }) => errors.push(code))
    await shut(near)
    await sleep(10)
    return errors
  },
  'for await reads all, and is no error at the writer': async ({ near, far }) => {
    const writing = pipeline(Readable.from([Buffer.alloc(1000)]), near).then(
      () => 'ok',
      ({ code }) => code,
    )
    let bytes = 0
    for await (const chunk of far) bytes += chunk.length
    const result = await writing
    await shut(near.resume())
    return [bytes, result, near.errored]
  },
  'text() reads all, and is no error at the writer': async ({ near, far }) => {
    const writing = pipeline(Readable.from(['a', 'b']), near).then(
      () => 'ok',
      ({ code }) => code,
    )
    return [await text(far), await writing]
  },
  'a pipeline into a sink reads all, and is no error at the writer': async ({ near, far }) => {
    const writing = pipeline(Readable.from(['a', 'b']), near).then(
      () => 'ok',
      ({ code }) => code,
    )
    const sink = new PassThrough().resume()
    await pipeline(far, sink)
    return writing
  },
  'a reader that breaks off is an error at a writer that goes on': async ({ near, far }) => {
    const writing = pipeline(Readable.from(endless()), near).then(
      () => 'ok',
      () => 'error',
    )
    for await (const _ of far) break
    return writing
  },
  'for await destroys an end that could still be written to': async ({ near, far }) => {
    near.end('x')
    for await (const _ of far);
    return seen(far, 'destroyed')
  },
  'an iterator that shall not destroy leaves it to answer': {
    half: true,
    run: async ({ near, far }) => {
      near.end('question')
      for await (const _ of half(far));
      far.end('answer')
      return text(near)
    },
  },
}
