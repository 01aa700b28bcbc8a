import type { EventEmitter } from 'node:events'
import { finished } from 'node:stream/promises'
import { describe, expect, it, jest } from '@jest/globals'
import type { Connection } from '../../../lib/connection/connection.js'
import { streamReset, streamStopped } from '../../../lib/connection/connection-streams.js'
import { ReadBudget } from '../../../lib/streams/read-budget.js'
import {
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  type StreamLink,
  type StreamSides,
} from '../../../lib/streams/stream.js'
import { Attention } from '../../../lib/waiting/attention.js'
import { systemClock } from '../../../lib/waiting/clock.js'
import { FakeDriver } from '../fake-driver.js'
import { settle } from '../virtual-clock.js'

/** `events.once` would reject at the error that comes before. */
function closed(stream: EventEmitter & { readonly closed: boolean }): Promise<void> {
  return new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)))
}

const ID = 2

interface Rig<S> {
  readonly driver: FakeDriver
  readonly stream: S
  readonly sides: StreamSides
  readonly isForgotten: () => boolean
}

function rig<S>(Kind: new (link: StreamLink) => S, options: Partial<StreamLink> = {}): Rig<S> {
  const driver = new FakeDriver()
  let sides: StreamSides | undefined
  let isForgotten = false
  const stream = new Kind({
    connection: {} as Connection,
    driver,
    attention: new Attention((heeding) => driver.heed(heeding)),
    id: ID,
    clock: systemClock,
    priority: 3,
    name: undefined,
    highWaterMark: undefined,
    readBudget: new ReadBudget(),
    allowHalfOpen: true,
    arrived: () => undefined,
    register: (registered) => {
      sides = registered
    },
    forget: () => {
      isForgotten = true
    },
    ...options,
  })
  return { driver, stream, sides: sides as unknown as StreamSides, isForgotten: () => isForgotten }
}

describe('reading', () => {
  it('grants as much as it may buffer, and more only as the consumer takes', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable, { highWaterMark: 1_000 })
    stream.read(0)
    expect(driver.given('grantStream')).toEqual([[ID, 1_000]])
    for (let index = 0; index < 4; index++) sides.read?.data(Buffer.alloc(250), 1)
    await settle()
    expect(driver.given('grantStream')).toHaveLength(1)
    expect(stream.readableLength).toBe(1_000)
    stream.read(600)
    await settle()
    expect(driver.given('grantStream')).toEqual([
      [ID, 1_000],
      [ID, 600],
    ])
  })

  it('never stalls: whatever the sizes, all that is granted arrives and is granted anew', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable, { highWaterMark: 1_000 })
    let taken = 0
    stream.on('data', (chunk: Buffer) => {
      taken += chunk.length
    })
    let sent = 0
    for (let round = 0; sent < 50_000; round++) {
      await settle()
      const granted = driver.given('grantStream').reduce((sum, [, bytes]) => sum + (bytes as number), 0)
      expect(granted).toBeGreaterThan(sent)
      const size = Math.min(1 + ((round * 37) % 400), granted - sent)
      sent += size
      sides.read?.data(Buffer.alloc(size), 1)
    }
    await settle()
    expect(taken).toBe(sent)
  })

  it('grants again after one chunk that the engine counted as many pieces, once it is read', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable)
    const grants = () => driver.given('grantStream')
    stream.read(0)
    sides.read?.data(Buffer.alloc(64), 64)
    await settle()
    expect(grants()).toHaveLength(1)
    expect(stream.read()).toHaveLength(64)
    expect(grants().slice(1)).toEqual([[ID, 0]])
  })

  it('grants what read(n) asks for at once, past its window, past what streams hold together, and in pieces of any size', async () => {
    const readBudget = new ReadBudget()
    readBudget.add(16 * 2 ** 20)
    const { driver, stream, sides } = rig(ConnectionReadable, { readBudget })
    const granted = () => driver.given('grantStream').reduce((sum, [, bytes]) => sum + (bytes as number), 0)
    const wanted = 3 * 2 ** 20
    expect(stream.read(wanted)).toBeNull()
    expect(granted()).toBe(wanted)
    for (let index = 0; index < 8; index++) sides.read?.data(Buffer.alloc(8), 8)
    expect(stream.read(wanted)).toBeNull()
    expect(driver.given('grantStream').at(-1)).toEqual([ID, 0])
    for (let sent = 64; sent < wanted; sent += 2 ** 16) {
      expect(stream.read(wanted)).toBeNull()
      sides.read?.data(Buffer.alloc(Math.min(2 ** 16, wanted - sent)), 1)
      await settle()
    }
    expect(stream.read(wanted)).toHaveLength(wanted)
    expect(granted() - wanted).toBeLessThanOrEqual(2 ** 17)
  })

  it('grants again after some chunks, however small, to a reader that takes all, and not to one that takes none', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable)
    const grants = () => driver.given('grantStream').length
    stream.read(0)
    for (let index = 0; index < 64; index++) sides.read?.data(Buffer.alloc(1), 1)
    await settle()
    expect(grants()).toBe(1)
    expect(stream.read()).toHaveLength(64)
    expect(grants()).toBe(2)
    stream.on('data', () => undefined)
    for (let index = 0; index < 640; index++) {
      sides.read?.data(Buffer.alloc(1), 1)
      await settle()
    }
    expect(grants()).toBeGreaterThan(2 + 640 / 64)
    expect(driver.given('grantStream').reduce((sum, [, bytes]) => sum + (bytes as number), 0)).toBeLessThan(64 * 1_024)
  })

  it('grants more when a reader that paused takes what is there', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable)
    stream.read(0)
    for (let round = 1; round < 5; round++) {
      const granted = driver.given('grantStream').at(-1)?.[1] as number
      sides.read?.data(Buffer.alloc(granted), 1)
      await settle()
      expect(driver.given('grantStream')).toHaveLength(round)
      expect(stream.read()).toHaveLength(granted)
      await settle()
      expect(driver.given('grantStream')).toHaveLength(round + 1)
    }
  })

  it('grants more as its reader takes what it was granted, up to the high water mark', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable)
    const granted = (): number => driver.given('grantStream').reduce((sum, [, bytes]) => sum + (bytes as number), 0)
    const windows: number[] = []
    let sent = 0
    stream.read(0)
    stream.on('data', () => undefined)
    for (let round = 0; round < 8; round++) {
      await settle()
      windows.push(granted() - sent)
      sides.read?.data(Buffer.alloc(granted() - sent), 1)
      sent = granted() > sent ? granted() : sent
    }
    await settle()
    expect(Math.max(...windows)).toBeGreaterThan(512 * 1_024)
    expect(Math.max(...windows)).toBeLessThanOrEqual(2 ** 20)
    expect(windows[0]).toBe(32 * 1_024)
  })

  it('holds little for each of many streams whose readers stopped, and gives back what it held', async () => {
    const budget = new ReadBudget()
    const granted = (driver: FakeDriver): number =>
      driver.given('grantStream').reduce((sum, [, bytes]) => sum + (bytes as number), 0)
    const streams = Array.from({ length: 64 }, () => ({ ...rig(ConnectionReadable, { readBudget: budget }), sent: 0 }))
    for (const one of streams) {
      one.stream.on('data', () => undefined)
      for (let round = 0; round < 8; round++) {
        await settle()
        one.sides.read?.data(Buffer.alloc(granted(one.driver) - one.sent), 1)
        one.sent = granted(one.driver)
      }
      await settle()
      one.stream.pause()
    }
    for (const { sides, driver, sent } of streams) sides.read?.data(Buffer.alloc(granted(driver) - sent), 1)
    await settle()
    const held = streams.map(({ stream }) => stream.readableLength)
    expect(Math.max(...held)).toBe(2 ** 20)
    expect(held.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(32 * 2 ** 20)
    for (const { stream } of streams) stream.destroy()
    await settle()
    expect(budget.allowed(2 ** 24, 0)).toBe(2 ** 24)
  })

  it('keeps what waits in memory of its own, and slices of a slab only where they are taken at once', async () => {
    const { stream, sides } = rig(ConnectionReadable, { highWaterMark: 2 ** 20 })
    const slab = Buffer.alloc(2 ** 20)
    stream.read(0)
    sides.read?.data(slab.subarray(0, 10), 1)
    sides.read?.data(slab.subarray(10, 2 ** 17), 1)
    const waits = stream.read() as Buffer
    expect(waits.buffer).not.toBe(slab.buffer)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    await settle()
    sides.read?.data(slab.subarray(0, 2 ** 16), 1)
    sides.read?.data(slab.subarray(0, 20), 1)
    await settle()
    expect(chunks.map(({ length, buffer }) => [length, buffer === slab.buffer])).toEqual([
      [2 ** 16, true],
      [20, false],
    ])
  })

  it('ends with the peer, and says nothing then', async () => {
    const { driver, stream, sides, isForgotten } = rig(ConnectionReadable)
    stream.resume()
    sides.read?.end()
    await closed(stream)
    expect(driver.given('stopStream')).toEqual([])
    expect(isForgotten()).toBe(true)
  })

  it('tells the peer to stop when it is destroyed early', async () => {
    const { driver, stream } = rig(ConnectionReadable)
    stream.destroy()
    await closed(stream)
    expect(driver.given('stopStream')).toEqual([[ID, 0]])
  })

  it('errs when the peer takes it back, without anyone listening', async () => {
    const { driver, stream, sides } = rig(ConnectionReadable)
    streamReset(sides, 7)
    await closed(stream)
    expect(stream.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_RESET', message: expect.stringContaining('7') })
    expect(driver.given('stopStream')).toEqual([])
  })
})

describe('writing', () => {
  it('hands large chunks to the engine in parts, as it hands them on', async () => {
    const { driver, stream, sides } = rig(ConnectionWritable)
    const chunk = Buffer.alloc(3 * 2 ** 20, 'abc')
    let written = false
    stream.write(chunk, () => {
      written = true
    })
    const parts = (): Buffer[] => driver.given('writeStream').map(([, part]) => part as Buffer)
    expect(parts().map(({ length }) => length)).toEqual([2 ** 20])
    sides.write?.drained(1_000)
    expect(parts()).toHaveLength(1)
    sides.write?.drained(2 ** 20 - 1_000)
    sides.write?.drained(2 ** 20)
    await settle()
    expect(Buffer.concat(parts()).equals(chunk)).toBe(true)
    expect(written).toBe(true)
  })

  it('asks to be told of room while a chunk waits for it, and no more once the stream is gone', async () => {
    const { driver, stream, sides } = rig(ConnectionWritable)
    stream.write(Buffer.alloc(2 ** 19))
    expect(driver.given('heed')).toEqual([])
    stream.write(Buffer.alloc(2 ** 20))
    expect(driver.given('heed')).toEqual([[true]])
    sides.write?.drained(2 ** 20)
    expect(driver.given('heed')).toEqual([[true], [false]])
    stream.write(Buffer.alloc(2 ** 20))
    expect(driver.given('heed').at(-1)).toEqual([true])
    stream.destroy()
    await closed(stream)
    expect(driver.given('heed').at(-1)).toEqual([false])
  })

  it('takes small chunks at once until the engine is a window behind', async () => {
    const { driver, stream, sides } = rig(ConnectionWritable)
    for (let index = 0; index < 40; index++) stream.write(Buffer.alloc(32 * 1_024))
    await settle()
    expect(driver.given('writeStream')).toHaveLength(32)
    expect(stream.writableNeedDrain).toBe(true)
    sides.write?.drained(8 * 32 * 1_024)
    await settle()
    expect(driver.given('writeStream')).toHaveLength(40)
  })

  it('errs when the memory of a chunk is transferred before all of it was taken, and hands on nothing of it', async () => {
    const { driver, stream, sides } = rig(ConnectionWritable)
    const lent = new Uint8Array(3 * 2 ** 20)
    stream.write(lent)
    structuredClone(lent.buffer, { transfer: [lent.buffer] })
    sides.write?.drained(2 ** 20)
    await closed(stream)
    expect(stream.errored).toMatchObject({ name: 'TypeError', code: 'ERR_WARREN_INVALID_ARGUMENT' })
    expect(driver.given('writeStream')).toHaveLength(1)
    expect(driver.given('resetStream')).toEqual([[ID, 0]])
  })

  it('errs for a chunk that is transferred while it waits behind another, and takes an empty one', async () => {
    const { stream, sides } = rig(ConnectionWritable)
    stream.write(Buffer.alloc(0))
    const lent = new Uint8Array(10)
    stream.write(Buffer.alloc(2 * 2 ** 20))
    stream.write(lent)
    structuredClone(lent.buffer, { transfer: [lent.buffer] })
    sides.write?.drained(2 ** 20)
    await closed(stream)
    expect(stream.errored).toMatchObject({ name: 'TypeError', code: 'ERR_WARREN_INVALID_ARGUMENT' })
  })

  it('hands small chunks of one turn to the engine together, in order with large ones', async () => {
    const { driver, stream } = rig(ConnectionWritable)
    const pieces = [...Array.from({ length: 2_000 }, (_, index) => index % 50), 5_000, 3, 4, 0, 9]
    const chunks = pieces.map((length, index) => Buffer.alloc(length, index))
    const given: Buffer[] = []
    driver.writeStream = (_, chunk) => given.push(Buffer.from(chunk as Uint8Array))
    for (const chunk of chunks) stream.write(chunk)
    await settle()
    expect(given.length).toBeLessThan(10)
    expect(Buffer.concat(given).equals(Buffer.concat(chunks))).toBe(true)
    stream.write('a')
    stream.end('b')
    await settle()
    expect(given.at(-1)?.toString()).toBe('ab')
    expect(driver.given('finishStream')).toEqual([[ID]])
  })

  it('is finished when the peer has it, not before', async () => {
    const { driver, stream, sides, isForgotten } = rig(ConnectionWritable)
    stream.end('all')
    await settle()
    expect(driver.given('finishStream')).toEqual([[ID]])
    expect(stream.writableFinished).toBe(false)
    sides.write?.acknowledged()
    await finished(stream)
    expect(driver.given('resetStream')).toEqual([])
    expect(isForgotten()).toBe(true)
  })

  it('takes back what was not delivered when it is destroyed', async () => {
    const { driver, stream } = rig(ConnectionWritable)
    stream.write('half')
    stream.destroy(new Error('the source failed'))
    await closed(stream)
    expect(driver.given('resetStream')).toEqual([[ID, 0]])
    const waiting = rig(ConnectionWritable)
    waiting.stream.write(Buffer.alloc(2 ** 20))
    waiting.stream.write('waits here')
    waiting.stream.destroy()
    expect(waiting.driver.given('resetStream')).toEqual([[ID, 0]])
  })

  it('leaves it to the engine to know whether anything is missing when it is destroyed without an error', async () => {
    const { driver, stream } = rig(ConnectionWritable)
    stream.write('perhaps all of it')
    stream.destroy()
    await closed(stream)
    expect([driver.given('leaveStream'), driver.given('resetStream')]).toEqual([[[ID, 0]], []])
  })

  it('errs when the peer stops reading', async () => {
    const { stream, sides } = rig(ConnectionWritable)
    streamStopped(sides, 5, false)
    await closed(stream)
    expect(stream.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_STOPPED' })
  })

  it('passes a new priority on, and refuses a wrong one', () => {
    const { driver, stream } = rig(ConnectionWritable)
    stream.priority = 9
    expect([stream.priority, driver.given('setStreamPriority')]).toEqual([9, [[ID, 9]]])
    expect(() => {
      stream.priority = 256
    }).toThrow(RangeError)
    expect(stream.priority).toBe(9)
  })
})

describe('both ways', () => {
  it('still reads after the peer stopped reading, until it writes again', async () => {
    const { stream, sides } = rig(ConnectionStream)
    stream.on('readable', () => undefined)
    streamStopped(sides, 0, false)
    sides.read?.data(Buffer.from('answer'), 1)
    await settle()
    expect(stream.destroyed).toBe(false)
    expect(String(stream.read())).toBe('answer')
    stream.write('more')
    await closed(stream)
    expect(stream.errored).toMatchObject({ code: 'ERR_WARREN_STREAM_STOPPED' })
  })

  it('are over when the peer stopped and everything was read, though nobody ends the own side', async () => {
    for (const order of ['stop first', 'end first']) {
      const { stream, sides, isForgotten } = rig(ConnectionStream)
      stream.resume()
      if (order === 'stop first') streamStopped(sides, 0, true)
      sides.read?.end()
      await settle()
      if (order === 'end first') streamStopped(sides, 0, true)
      await closed(stream)
      expect(isForgotten()).toBe(true)
    }
  })

  it('end by themselves when the peer did, without a fault if it has all that was written', async () => {
    for (const whole of [true, false]) {
      const { driver, stream, sides } = rig(ConnectionStream, { allowHalfOpen: false })
      stream.resume()
      stream.write('an answer')
      await settle()
      streamStopped(sides, 0, whole)
      sides.read?.end()
      await closed(stream)
      expect([stream.writableFinished, stream.errored === null]).toEqual([whole, whole])
      expect(driver.given('finishStream')).toEqual([])
    }
    const { driver, stream, sides } = rig(ConnectionStream, { allowHalfOpen: false })
    sides.read?.end()
    await settle()
    expect(driver.given('finishStream')).toEqual([[ID]])
    sides.write?.acknowledged()
    await closed(stream)
    expect(stream.errored).toBe(null)
  })

  it('say what is wrong when something is written after they ended with the peer, once for each place', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    for (let round = 0; round < 3; round++) {
      const { stream, sides } = rig(ConnectionStream, {
        allowHalfOpen: false,
        connection: { peer: { publicKey: 'key' } } as Connection,
      })
      sides.read?.end()
      await settle()
      const failure = await new Promise((resolve) => stream.write('an answer', resolve))
      expect(failure).toMatchObject({ code: 'ERR_WARREN_STREAM_ENDED', peer: 'key' })
      expect(stream.errored).toBe(failure)
    }
    const told = { code: 'ERR_WARREN_STREAM_ENDED', detail: expect.stringContaining('stream.test') }
    expect(warn.mock.calls).toEqual([[expect.stringContaining('allowHalfOpen'), expect.objectContaining(told)]])
    warn.mockRestore()
  })

  it('closes its sides apart', async () => {
    const { stream, sides, isForgotten } = rig(ConnectionStream)
    stream.end('question')
    sides.write?.acknowledged()
    await settle()
    expect(stream.writableFinished).toBe(true)
    expect(stream.destroyed).toBe(false)
    sides.read?.data(Buffer.from('answer'), 1)
    sides.read?.end()
    const texts: string[] = []
    for await (const chunk of stream) texts.push(String(chunk))
    expect(texts).toEqual(['answer'])
    expect(isForgotten()).toBe(true)
  })

  it('buffers each side as the option says', () => {
    const { stream } = rig(ConnectionStream, { highWaterMark: 5_000 })
    expect([stream.readableHighWaterMark, stream.writableHighWaterMark]).toEqual([5_000, 5_000])
    const standard = rig(ConnectionStream).stream
    expect([standard.readableHighWaterMark, standard.writableHighWaterMark]).toEqual([2 ** 20, 256 * 2 ** 10])
  })
})
