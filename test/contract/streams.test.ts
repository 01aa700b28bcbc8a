import { once } from 'node:events'
import { Duplex, Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { expect, it } from '@jest/globals'
import type { Connection, ConnectionReadable, ConnectionStream } from 'warren'
import { eachDriver, pattern, turn, until } from './network.js'

const MIB = 2 ** 20

async function incoming(connection: Connection): Promise<ConnectionStream> {
  const [stream] = (await once(connection, 'stream')) as [ConnectionStream]
  return stream
}

/** `events.once` would reject at an error that comes before. */
function closed(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', resolve)
  })
}

eachDriver('streams', (network) => {
  it('are Duplexes that carry bytes both ways', async () => {
    const { connection, accepted } = await network.connected()
    const echoed = new Promise<void>((resolve, reject) => {
      accepted.on('stream', (stream) => {
        if (stream instanceof Duplex) pipeline(stream, stream).then(resolve, reject)
      })
    })
    const stream = connection.openStream({ priority: 3 })
    expect(stream).toBeInstanceOf(Duplex)
    expect(stream.connection).toBe(connection)
    stream.write('hello, ')
    stream.end('world')
    expect(await text(stream)).toBe('hello, world')
    await echoed
  })

  it('carry 10 MiB each way, past readers that pause', async () => {
    const { connection, accepted } = await network.connected()
    const up = pattern(10 * MIB, 1)
    const down = pattern(10 * MIB, 2)
    const stream = connection.openStream()
    stream.end(up)
    const far = await incoming(accepted)
    far.end(down)
    const received = await Promise.all([slowly(stream), slowly(far)])
    expect(received[0]?.equals(down)).toBe(true)
    expect(received[1]?.equals(up)).toBe(true)
  })

  it.each([
    [200_000, 4_096],
    [1_000, 5],
  ])('give read(%d) as much at once, written in pieces of %d bytes', async (wanted, piece) => {
    const { connection, accepted } = await network.connected()
    const bytes = pattern(3 * wanted)
    const stream = connection.openStream({ direction: 'out' })
    const read: Buffer[] = []
    accepted.on('stream', (far) => {
      far.on('readable', () => {
        for (let chunk = far.read(wanted); chunk !== null; chunk = far.read(wanted)) read.push(chunk)
      })
    })
    for (let at = 0; at < bytes.length; at += piece) {
      stream.write(bytes.subarray(at, at + piece))
      // Each of the small ones leaves by itself.
      if (piece < 1_000) await turn()
    }
    stream.end()
    await finished(stream)
    await until(() => read.length === 3)
    expect(read.map(({ length }) => length)).toEqual([wanted, wanted, wanted])
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
  })

  it('one way out are Writables, and Readables at the other end', async () => {
    const { connection, accepted } = await network.connected()
    const out = connection.openStream({ direction: 'out', priority: 9 })
    expect(out).toBeInstanceOf(Writable)
    expect(out).not.toBeInstanceOf(Duplex)
    out.end(pattern(MIB))
    const stream = (await incoming(accepted)) as unknown as ConnectionReadable
    expect(stream).toBeInstanceOf(Readable)
    expect(stream).not.toBeInstanceOf(Duplex)
    expect(stream.priority).toBe(9)
    expect((await buffer(stream)).equals(pattern(MIB))).toBe(true)
    await finished(out)
  })

  it('end each side by itself where they may be half open', async () => {
    const { connection, accepted } = await network.connected({}, { allowHalfOpen: true })
    const stream = connection.openStream()
    stream.end('question')
    const far = await incoming(accepted)
    expect(await readText(far)).toBe('question')
    await until(() => stream.writableFinished)
    expect(stream.destroyed).toBe(false)
    far.write('a long ')
    await once(stream, 'readable')
    far.end('answer')
    expect(await text(stream)).toBe('a long answer')
    await Promise.all([closed(stream), closed(far)])
    expect([stream.errored, far.errored]).toEqual([null, null])
  })

  it('end with the peer where they may not, and close at both ends', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.end('all of it')
    const far = await incoming(accepted)
    far.write('what is written before that arrives')
    expect(await readText(far)).toBe('all of it')
    expect(await readText(stream)).toBe('what is written before that arrives')
    await Promise.all([closed(stream), closed(far)])
    expect([stream.errored, far.errored, stream.writableFinished, far.writableFinished]).toEqual([
      null,
      null,
      true,
      true,
    ])
  })

  it('that are only written to close when the peer has read them', async () => {
    const { near, connection, accepted } = await network.connected({}, { limits: { streamsPerConnection: 32 } })
    accepted.on('stream', (stream) => stream.resume())
    for (let round = 0; round < 100; round++) {
      const stream = connection.openStream().end('a file')
      await closed(stream)
      expect(stream.errored).toBe(null)
    }
    await until(() => near.stats().streams === 0)
  })

  it('one way can be as many at once as the limit says', async () => {
    const { connection, accepted } = await network.connected()
    let open = 0
    accepted.on('stream', () => open++)
    const streams = Array.from({ length: 256 }, () => connection.openStream({ direction: 'out' }))
    for (const stream of streams) stream.write('stays open')
    await until(() => open === 256)
    await connection.send(Buffer.from('and messages still go'))
    expect((await accepted.messages().next()).value?.bytes.toString()).toBe('and messages still go')
  })

  it('have a name that the peer sees', async () => {
    const { connection, accepted } = await network.connected()
    const names = ['', 'blocks/17', 'ü'.repeat(127), undefined]
    for (const name of names) {
      for (const direction of ['both', 'out'] as const) {
        const stream = connection.openStream({ name, direction })
        stream.end('x')
        const far = await incoming(accepted)
        expect([stream.name, far.name]).toEqual([name || undefined, name || undefined])
        expect(await text(far)).toBe('x')
      }
    }
    for (const name of ['ü'.repeat(128), '\ud800'])
      expect(() => connection.openStream({ name })).toThrow('options.name')
  })

  it('are aborted by their signal, and leave nothing on it', async () => {
    const { connection, accepted } = await network.connected()
    const controller = new AbortController()
    const done = connection.openStream({ signal: controller.signal })
    done.end('done')
    const first = await incoming(accepted)
    first.resume()
    await closed(done)
    const stream = connection.openStream({ signal: controller.signal })
    stream.removeAllListeners()
    stream.write('half of it')
    const far = await incoming(accepted)
    far.resume()
    controller.abort(new Error('enough'))
    await Promise.all([closed(stream), closed(far)])
    expect(stream.errored).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } })
    expect(far.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_RESET' })
    expect(done.errored).toBe(null)
    expect(connection.openStream({ signal: controller.signal }).errored).toMatchObject({ name: 'AbortError' })
  })

  it('that are destroyed never end as if they were whole', async () => {
    const { connection, accepted } = await network.connected()
    for (const [bytes, arrives] of [
      [MIB, false],
      [6 * MIB, true],
    ] as const) {
      const stream = connection.openStream()
      stream.write(pattern(bytes))
      const opening = arrives ? await incoming(accepted) : undefined
      stream.destroy()
      if (opening === undefined) continue
      opening.resume()
      await closed(opening)
      expect(opening.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_RESET' })
    }
  })

  it('that are destroyed after all of it arrived end cleanly', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.write('all of it')
    const far = await incoming(accepted)
    await once(far, 'readable')
    await until(() => connection.stats().inFlight === 0 && connection.stats().unsent === 0)
    stream.destroy()
    expect(await text(far)).toBe('all of it')
  })

  it('hold the writer back while the reader pauses, and lose nothing', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream({ direction: 'out' })
    const bytes = pattern(24 * MIB)
    let written = 0
    const writing = (async () => {
      for (let start = 0; start < bytes.length; start += MIB / 4) {
        const chunk = bytes.subarray(start, start + MIB / 4)
        if (!stream.write(chunk)) await once(stream, 'drain')
        written += chunk.length
      }
      stream.end()
    })()
    const far = await incoming(accepted)
    await until(() => stream.writableNeedDrain && written > MIB && connection.stats().inFlight === 0)
    const read: Buffer[] = []
    let length = 0
    for await (const chunk of far.iterator({ destroyOnReturn: false })) {
      length += read.push(chunk) && chunk.length
      // At no time more than both ends and the way may hold.
      expect(written - length).toBeLessThan(16 * MIB)
    }
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
    await writing
  })

  it('destroyed here err there, and say so in a code', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.write('half of it')
    const far = await incoming(accepted)
    far.resume()
    stream.destroy(new Error('the source failed'))
    await closed(far)
    expect(far.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_RESET' })
    expect(connection.isOpen && accepted.isOpen).toBe(true)
  })

  it('whose reader goes away stop the writer', async () => {
    const { connection, accepted } = await network.connected()
    const out = connection.openStream({ direction: 'out' })
    const writing = pipeline(Readable.from(endless()), out)
    const far = await incoming(accepted)
    far.destroy()
    await expect(writing).rejects.toMatchObject({ code: 'ERR_WARREN_STREAM_STOPPED' })
  })

  it('err when the connection ends before them', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.write('x')
    const far = await incoming(accepted)
    connection.destroy({ code: 5, reason: 'enough' })
    await Promise.all([closed(stream), closed(far)])
    expect(far.errored).toMatchObject({
      code: 'ERR_WARREN_CONNECTION_CLOSED',
      message: expect.stringContaining('enough'),
    })
    expect(stream.errored).toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    const late = connection.openStream()
    late.write('too late')
    await closed(late)
    expect(late.errored).toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
  })

  it('that ended before the connection did are read to their end', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream({ direction: 'out' })
    stream.end(pattern(MIB / 2))
    const far = await incoming(accepted)
    await connection.close({ timeout: 60_000 })
    await accepted.closed
    expect((await buffer(far)).equals(pattern(MIB / 2))).toBe(true)
  })

  it('that are opened before anybody listens wait, in order', async () => {
    const { connection, accepted } = await network.connected()
    const opened = Array.from({ length: 20 }, (_, index) =>
      connection.openStream({ direction: 'out', priority: 20 - index }).end(String(index)),
    )
    await Promise.all(opened.map((stream) => finished(stream)))
    const texts: Promise<string>[] = []
    accepted.on('stream', (stream) => texts.push(text(stream)))
    await until(() => texts.length === 20)
    expect((await Promise.all(texts)).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 20 }, (_, index) => String(index)),
    )
  })

  it('can be many at once, more than the peer allows at a time', async () => {
    const { connection, accepted } = await network.connected({}, { limits: { streamsPerConnection: 32 } })
    const sums: number[] = []
    accepted.on('stream', (stream) => {
      void buffer(stream).then((bytes) => {
        expect(bytes.equals(pattern(5_000, bytes.length === 0 ? 0 : 7))).toBe(true)
        sums.push(bytes.length)
      })
    })
    const streams = Array.from({ length: 200 }, () =>
      connection.openStream({ direction: 'out' }).end(pattern(5_000, 7)),
    )
    await Promise.all(streams.map((stream) => finished(stream)))
    await until(() => sums.length === 200)
  })

  it('of a higher priority pass those below', async () => {
    const { connection, accepted } = await network.connected({ uplink: 40_000_000 })
    const ends: number[] = []
    accepted.on('stream', (stream) => {
      stream.resume()
      stream.once('end', () => ends.push(stream.priority))
    })
    const bulk = connection.openStream({ direction: 'out', priority: 1 })
    bulk.end(pattern(4 * MIB))
    const urgent = connection.openStream({ direction: 'out', priority: 200 })
    urgent.end(pattern(10_000))
    await finished(bulk)
    await until(() => ends.length === 2)
    expect(ends).toEqual([200, 1])
  })
})

/** Reads to the end and leaves the other side open: `for await` over a Duplex destroys it, as all consumers of Node do. */
async function readText(stream: Readable): Promise<string> {
  let read = ''
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) read += String(chunk)
  return read
}

async function slowly(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    if (chunks.push(chunk) % 100 === 0) await turn()
  }
  return Buffer.concat(chunks)
}

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384)
}
