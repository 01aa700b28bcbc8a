import { getEventListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { DeviceInbox } from '../../../lib/inbox/device-inbox.js'
import { Inbox } from '../../../lib/inbox/inbox.js'
import { type MessageFilter, parseFilter } from '../../../lib/inbox/message-filter.js'
import { PeerInbox } from '../../../lib/inbox/peer-inbox.js'

interface Received {
  readonly bytes: Buffer
  readonly priority: number
}

const MIB = 2 ** 20

function inbox(): {
  box: Inbox<string>
  taken: Received[]
  push(priority: number, text: string): void
  read(filter?: MessageFilter): AsyncIterableIterator<string>
} {
  const taken: Received[] = []
  const peer = new PeerInbox<string>(new DeviceInbox(MIB, ({ length }) => length), 255)
  const box = new Inbox<string>(peer, 'a', (bytes, priority) => {
    taken.push({ bytes, priority })
    return bytes.toString()
  })
  return {
    box,
    taken,
    push: (priority, text) => box.push(priority, Buffer.from(text)),
    read: (filter) => box.read(parseFilter(filter)),
  }
}

async function all(reader: AsyncIterableIterator<string>): Promise<string[]> {
  const texts: string[] = []
  for await (const text of reader) texts.push(text)
  return texts
}

describe('Inbox', () => {
  it('gives the highest priority first, and the oldest within one', async () => {
    const { box, push, read } = inbox()
    push(0, 'bulk 1')
    push(200, 'vote 1')
    push(0, 'bulk 2')
    push(7, 'between')
    push(200, 'vote 2')
    box.end()
    expect(await all(read())).toEqual(['vote 1', 'vote 2', 'between', 'bulk 1', 'bulk 2'])
  })

  it('looks anew at each step: what came later and is higher goes first', async () => {
    const { push, read } = inbox()
    const reader = read()
    push(1, 'a')
    push(1, 'b')
    expect((await reader.next()).value).toBe('a')
    push(9, 'urgent')
    expect((await reader.next()).value).toBe('urgent')
    expect((await reader.next()).value).toBe('b')
  })

  it('reports as taken only what an iterator took', async () => {
    const { push, read, taken } = inbox()
    push(3, 'one')
    push(3, 'two')
    expect(taken).toHaveLength(0)
    await read().next()
    expect(taken).toEqual([{ bytes: Buffer.from('one'), priority: 3 }])
  })

  it('keeps readers of different lanes apart', async () => {
    const { box, push, read } = inbox()
    const urgent = all(read({ minPriority: 128 }))
    const bulk = all(read({ maxPriority: 127 }))
    for (let index = 0; index < 10; index++) push(index % 2 === 0 ? 200 : 5, String(index))
    box.end()
    expect(await urgent).toEqual(['0', '2', '4', '6', '8'])
    expect(await bulk).toEqual(['1', '3', '5', '7', '9'])
  })

  it('gives each message to exactly one of competing readers, in turn', async () => {
    const { box, push, read } = inbox()
    const [first, second] = [read(), read()]
    const steps = [first.next(), second.next(), first.next(), second.next()]
    for (const text of ['a', 'b', 'c', 'd']) push(0, text)
    expect((await Promise.all(steps)).map(({ value }) => value).sort()).toEqual(['a', 'b', 'c', 'd'])
    box.end()
    expect((await first.next()).done).toBe(true)
  })

  it('serves steps asked for at once in their order', async () => {
    const { push, read } = inbox()
    const reader = read()
    const steps = [reader.next(), reader.next(), reader.next()]
    for (const text of ['a', 'b', 'c']) push(0, text)
    expect((await Promise.all(steps)).map(({ value }) => value)).toEqual(['a', 'b', 'c'])
  })

  it('loses nothing when a reader leaves its loop', async () => {
    const { box, push, read } = inbox()
    for (const text of ['a', 'b', 'c']) push(0, text)
    for await (const text of read()) if (text === 'a') break
    const waiting = read({ minPriority: 1 })
    const step = waiting.next()
    await waiting.return?.()
    expect(await step).toEqual({ done: true, value: undefined })
    const disposed = box.read(parseFilter({ minPriority: 1 }))
    const last = disposed.next()
    await disposed[Symbol.asyncDispose]()
    expect(await last).toEqual({ done: true, value: undefined })
    push(5, 'd')
    box.end()
    expect(await all(read())).toEqual(['d', 'b', 'c'])
  })

  it('ends at an abort with its reason, loses nothing, and leaves no listener behind', async () => {
    const { box, push, read } = inbox()
    const controller = new AbortController()
    const readers = Array.from({ length: 20 }, () => read({ signal: controller.signal }))
    const steps = readers.map((reader) => reader.next())
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    push(0, 'to the first')
    controller.abort(new Error('enough'))
    const results = await Promise.allSettled(steps)
    expect(results[0]).toMatchObject({ status: 'fulfilled', value: { value: 'to the first' } })
    expect(results.slice(1).every(({ status }) => status === 'rejected')).toBe(true)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    push(0, 'kept')
    box.end()
    expect(await all(read())).toEqual(['kept'])
    await expect(read({ signal: controller.signal }).next()).rejects.toThrow('enough')
  })

  it('ends normally when the connection is over, after what is left', async () => {
    const { box, push, read } = inbox()
    const waiting = read({ minPriority: 100 })
    const step = waiting.next()
    push(0, 'left')
    box.end()
    expect((await step).done).toBe(true)
    expect(await all(read())).toEqual(['left'])
    expect((await read().next()).done).toBe(true)
  })

  it('agrees with a naive list under random use', async () => {
    const { push, read, taken } = inbox()
    const naive: { text: string; priority: number }[] = []
    let seed = 20_240
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return (seed >>> 8) % below
    }
    for (let step = 0; step < 5_000; step++) {
      if (random(2) === 0) {
        const priority = random(6)
        push(priority, String(step))
        naive.push({ text: String(step), priority })
        continue
      }
      const minPriority = random(6)
      const maxPriority = minPriority + random(6 - minPriority)
      const matching = naive.filter(({ priority }) => priority >= minPriority && priority <= maxPriority)
      const highest = Math.max(...matching.map(({ priority }) => priority))
      const expected = matching.find(({ priority }) => priority === highest)
      if (expected === undefined) continue
      const { value } = await read({ minPriority, maxPriority }).next()
      expect({ value, step }).toEqual({ value: expected.text, step })
      naive.splice(naive.indexOf(expected), 1)
    }
    expect(taken.length).toBeGreaterThan(1_000)
  })
})
