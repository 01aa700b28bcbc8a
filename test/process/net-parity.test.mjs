// What a program sees of a stream, beside what it sees of a socket of node:net: one script over both.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { PassThrough, Readable, Transform } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from '../../dist/index.mjs'

const KIB = 1024
const MIB = 1024 * KIB

/**
 * Each gets two ends, and gives what there was to see. `differs`: what a stream of warren shows instead, and `docs/streams.md` says
 * why. `half`: both ends have allowHalfOpen.
 */
const BEHAVIOURS = {
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

const kinds = {}
const closing = []

before(async () => {
  kinds.net = await overNet()
  kinds.warren = await overWarren('native')
  kinds.script = await overWarren('script')
})

after(() => Promise.all(closing.map((close) => close())))

for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
  const { run, half: allowHalfOpen = false, differs } = typeof behaviour === 'function' ? { run: behaviour } : behaviour
  test(name, { timeout: 30_000 }, async () => {
    const results = {}
    for (const [kind, connect] of Object.entries(kinds)) {
      const ends = await connect({ allowHalfOpen })
      results[kind] = await run({ ...ends, kind })
      for (const end of [ends.near, ends.far]) end.on('error', () => undefined).destroy()
    }
    for (const kind of ['warren', 'script']) {
      if (differs === undefined) assert.deepEqual(results[kind], results.net)
      else assert.deepEqual([results[kind], differs === results.net], [differs, false])
    }
  })
}

async function overNet() {
  const servers = {}
  for (const allowHalfOpen of [false, true]) {
    const server = net.createServer({ allowHalfOpen }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers[allowHalfOpen] = server
    closing.push(() => server.close())
  }
  return async ({ allowHalfOpen }) => {
    const server = servers[allowHalfOpen]
    const open = (options) => net.connect({ port: server.address().port, host: '127.0.0.1', ...options })
    const accepted = once(server, 'connection')
    const near = open({ allowHalfOpen })
    const [[far]] = await Promise.all([accepted, once(near, 'connect')])
    return { near, far, open, arrived: () => undefined }
  }
}

async function overWarren(driver) {
  const device = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })
  const lines = {}
  for (const allowHalfOpen of [false, true]) {
    const [dialler, acceptor] = [await device(), await device({ allowHalfOpen, authorize: () => true })]
    const endpoint = `127.0.0.1:${acceptor.address.port}`
    const connection = await dialler.addPeer({ publicKey: acceptor.publicKey, endpoint }).connect()
    if (acceptor.connections.size === 0) await once(acceptor, 'connection')
    const [accepted] = acceptor.connections
    lines[allowHalfOpen] = { connection, accepted }
    closing.push(() => Promise.all([dialler.close({ timeout: 0 }), acceptor.close({ timeout: 0 })]))
  }
  return async ({ allowHalfOpen }) => {
    const { connection, accepted } = lines[allowHalfOpen]
    const open = (options) => connection.openStream(options)
    const name = String(Math.random())
    const opened = new Promise((resolve) => {
      accepted.on('stream', function listener(stream) {
        if (stream.name !== name) return
        accepted.off('stream', listener)
        resolve(stream)
      })
    })
    const near = open({ allowHalfOpen, name })
    const arrived = async () => {
      while (connection.stats().inFlight > 0 || connection.stats().unsent > 0) await sleep(1)
    }
    return { near, far: await opened, open, arrived }
  }
}

/** Reads without destroying the end. */
function half(stream) {
  return stream.iterator({ destroyOnReturn: false })
}

/** `events.once` rejects at an error; `closed` is true a tick before 'close'. */
function shut(stream) {
  stream.on('error', () => undefined)
  return new Promise((resolve) => (stream.closed ? setImmediate(resolve) : stream.once('close', resolve)))
}

/** A byte went each way: what follows is not about the beginning. */
async function ready(near, far) {
  near.once('data', () => undefined).resume()
  far.write('!')
  await new Promise((resolve) => near.once('data', resolve))
  await sleep(20)
}

/** True when it drained before it was plain that it will not. */
function drained(stream) {
  return Promise.race([once(stream, 'drain').then(() => true), sleep(200).then(() => false)])
}

function record(stream) {
  const log = []
  for (const name of ['end', 'finish', 'close', 'error']) stream.on(name, () => log.push(name))
  return log
}

function seen(stream, ...names) {
  return Object.fromEntries(names.map((name) => [name, stream[name]]))
}

function* endless() {
  for (;;) yield Buffer.alloc(16 * KIB)
}
