// What becomes of a stream that is destroyed, and the manners of a socket. `net-parity.test.mjs` runs each over sockets and over streams.

import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { half, ready, record, seen, shut } from './watch.mjs'

const MIB = 2 ** 20

export const destroyed = {
  'destroy() without a write ends the peer cleanly': async ({ near, far }) => {
    near.on('error', () => undefined)
    const log = record(far)
    far.resume()
    await ready(near, far)
    near.destroy()
    await shut(far)
    return log.filter((name) => name !== 'finish' && name !== 'data')
  },
  'destroy() after all that was written has arrived ends it cleanly': async ({ near, far, arrived }) => {
    near.write('all')
    const [first] = await once(far, 'data')
    await arrived()
    near.destroy()
    await shut(far)
    return [String(first), far.errored, far.readableEnded]
  },
  'destroy() with bytes that wait does not end as if all had come': {
    run: async ({ near, far }) => {
      near.write(Buffer.alloc(16 * MIB))
      await once(far, 'readable')
      near.destroy()
      const got = await buffer(far).then(
        ({ length }) => length,
        () => 'error',
      )
      return got === 'error' ? 'an error' : got < 16 * MIB ? 'a clean end, and bytes are missing' : 'all'
    },
    differs: 'an error',
  },
  'destroy(error) tells the peer': {
    run: async ({ near, far }) => {
      near.on('error', () => undefined)
      far.resume()
      await ready(near, far)
      near.destroy(new Error('a bug here'))
      await shut(far)
      return far.errored === null ? 'a clean end' : 'an error'
    },
    differs: 'an error',
  },
  'destroy(error) gives the own listeners that error': async ({ near }) => {
    const error = new Error('mine')
    near.destroy(error)
    const [heard] = await once(near, 'error')
    return [heard === error, near.errored === error]
  },
  'destroy() is one close, and no end': async ({ near }) => {
    const log = record(near)
    near.destroy()
    near.destroy()
    await shut(near)
    await sleep(10)
    return log
  },
  'an error nobody listens to': {
    run: async ({ near, far, kind }) => {
      if (kind === 'net') return 'an uncaught exception'
      far.resume()
      near.write('x')
      await once(far, 'data')
      near.destroy(new Error('no more'))
      await shut(far)
      return far.errored ? 'is in stream.errored' : 'nothing'
    },
    differs: 'is in stream.errored',
  },
  'bytes are counted': async ({ near, far }) => {
    near.write('12345')
    near.end('678')
    await text(half(far))
    return [near.bytesWritten, far.bytesRead]
  },
  'bytes that wait count as written': async ({ near }) => {
    near.write(Buffer.alloc(3 * MIB))
    return near.bytesWritten
  },
  'a timeout tells of silence, and ends nothing': async ({ near, far }) => {
    far.resume()
    near.setTimeout(30)
    await once(near, 'timeout')
    return [near.timeout, seen(near, 'destroyed', 'writable')]
  },
  'a timeout of 0 is none': async ({ near }) => {
    const listener = () => undefined
    near.setTimeout(20, listener)
    near.setTimeout(0, listener)
    await sleep(60)
    return [near.timeout, near.listenerCount('timeout')]
  },
  'the manners of a socket chain': async ({ near }) =>
    [near.setNoDelay(true), near.setKeepAlive(true, 1000), near.setTimeout(0), near.ref(), near.unref()].map(
      (result) => result === near,
    ),
  'destroySoon() writes all first': async ({ near, far }) => {
    near.write(Buffer.alloc(MIB))
    near.destroySoon()
    const { length } = await buffer(far)
    await shut(near)
    return length
  },
  'pipeline hands the error of its source on': async ({ near }) => {
    const source = new Readable({ read: () => source.destroy(new Error('source')) })
    return pipeline(source, near).then(
      () => 'ok',
      ({ message }) => [message, near.destroyed],
    )
  },
  'finished() knows a premature close': async ({ near }) => {
    const end = finished(near).then(
      () => 'ok',
      ({ code }) => code,
    )
    near.destroy()
    return end
  },
  'an abort destroys with an AbortError': async ({ open }) => {
    const controller = new AbortController()
    const end = open({ signal: controller.signal })
    controller.abort(new Error('why'))
    const [{ name, code, cause }] = await once(end, 'error')
    return [name, code, cause.message, end.destroyed]
  },
  'a signal that has aborted destroys at once': async ({ open }) => {
    const end = open({ signal: AbortSignal.abort() })
    const [{ name }] = await once(end, 'error')
    return name
  },
  'await using destroys': async ({ near }) => {
    if (Symbol.asyncDispose === undefined || near[Symbol.asyncDispose] === undefined) return 'destroyed'
    near.on('error', () => undefined)
    await near[Symbol.asyncDispose]()
    return near.destroyed ? 'destroyed' : 'open'
  },
  'it is connected from the start': {
    run: async ({ kind, open }) => {
      const end = open({})
      const { connecting } = end
      end.on('error', () => undefined).destroy()
      return kind === 'net' && connecting ? 'after a round trip' : 'at once'
    },
    differs: 'at once',
  },
}
