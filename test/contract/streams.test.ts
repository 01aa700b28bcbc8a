import { once } from 'node:events'
import { Duplex, Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { expect, it } from '@jest/globals'
import type { Connection, ConnectionReadable, ConnectionStream } from 'warren'
import { eachDriver, pattern, until } from './network.js'

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

  it('end each side by itself', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.end('question')
    const far = await incoming(accepted)
    expect(await readText(far)).toBe('question')
    await until(() => stream.writableFinished)
    expect(stream.destroyed).toBe(false)
    far.write('a long ')
    await new Promise((resolve) => setTimeout(resolve, 20))
    far.end('answer')
    expect(await text(stream)).toBe('a long answer')
    await Promise.all([closed(stream), closed(far)])
    expect([stream.errored, far.errored]).toEqual([null, null])
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
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    expect(written).toBeLessThan(16 * MIB)
    expect((await buffer(far)).equals(bytes)).toBe(true)
    await writing
  })

  it('destroyed here err there, and say so in a code', async () => {
    const { connection, accepted } = await network.connected()
    const stream = connection.openStream()
    stream.write('half of it')
    const far = await incoming(accepted)
    far.resume()
    stream.destroy()
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
    await connection.close()
    await accepted.closed
    expect((await buffer(far)).equals(pattern(MIB / 2))).toBe(true)
  })

  it('that are opened before anybody listens wait, in order', async () => {
    const { connection, accepted } = await network.connected()
    for (let index = 0; index < 20; index++)
      connection.openStream({ direction: 'out', priority: 20 - index }).end(String(index))
    await new Promise((resolve) => setTimeout(resolve, 100))
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
    if (chunks.push(chunk) % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return Buffer.concat(chunks)
}

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384)
}
