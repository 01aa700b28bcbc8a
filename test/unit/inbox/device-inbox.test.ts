import { describe, expect, it, jest } from '@jest/globals'
import { DeviceInbox } from '../../../lib/inbox/device-inbox.js'
import { Inbox } from '../../../lib/inbox/inbox.js'
import { type DeviceMessageFilter, parseDeviceFilter } from '../../../lib/inbox/message-filter.js'
import { PeerInbox } from '../../../lib/inbox/peer-inbox.js'
import { Generator } from '../generator.js'

interface Taken {
  readonly from: string
  readonly priority: number
  readonly bytes: number
}

const KIB = 2 ** 10
const MIB = 2 ** 20

class Rig {
  readonly device: DeviceInbox<Taken>
  readonly #peers = new Map<string, PeerInbox<Taken>>()

  constructor(leftBehindBytes = MIB) {
    this.device = new DeviceInbox(leftBehindBytes, ({ bytes }) => bytes)
  }

  /** A connection with a peer: the letters of its name before the point. */
  connect(name: string, protocol = 'a'): Inbox<Taken> {
    const [peer = ''] = name.split('.')
    const known = this.#peers.get(peer) ?? new PeerInbox(this.device, 255)
    this.#peers.set(peer, known)
    return new Inbox(known, protocol, (bytes, priority) => ({ from: name, priority, bytes: bytes.length }))
  }

  read(filter?: DeviceMessageFilter): AsyncIterableIterator<Taken> {
    return this.device.read(parseDeviceFilter(filter))
  }
}

async function take(reader: AsyncIterableIterator<Taken>, count: number): Promise<Taken[]> {
  const taken: Taken[] = []
  for (let index = 0; index < count; index++) taken.push((await reader.next()).value as Taken)
  return taken
}

function bytesOf(taken: readonly Taken[], from: string): number {
  return taken.filter((one) => one.from === from).reduce((sum, { bytes }) => sum + bytes, 0)
}

function send(inbox: Inbox<Taken>, count: number, bytes: number, priority = 0): void {
  for (let index = 0; index < count; index++) inbox.push(priority, Buffer.alloc(bytes))
}

describe('DeviceInbox', () => {
  it('gives a reader of one protocol what is of it, also where a peer has sent more urgent things in another', async () => {
    const rig = new Rig()
    const [votes, blocks] = [rig.connect('peer.1', 'votes'), rig.connect('peer.2', 'blocks')]
    const other = rig.connect('other.1', 'blocks')
    send(votes, 3, 10, 200)
    send(blocks, 2, 20)
    send(other, 2, 20)
    const reader = rig.read({ protocol: 'blocks' })
    const taken = await take(reader, 4)
    expect(taken.map(({ from }) => from).sort()).toEqual(['other.1', 'other.1', 'peer.2', 'peer.2'])
    const waits = reader.next()
    send(votes, 1, 10, 200)
    send(blocks, 1, 30)
    expect(await waits).toMatchObject({ value: { from: 'peer.2', bytes: 30 } })
    const all = await take(rig.read(), 4)
    expect(all.map(({ from }) => from)).toEqual(Array.from({ length: 4 }, () => 'peer.1'))
  })

  it('has readers of one protocol beside readers of all, each message going to one', async () => {
    const rig = new Rig()
    const [one, two] = [rig.connect('p.1', 'a'), rig.connect('p.2', 'b')]
    const [ofA, ofAll] = [rig.read({ protocol: 'a' }), rig.read()]
    const steps = [ofA.next(), ofAll.next(), ofAll.next()]
    send(two, 1, 1)
    send(one, 2, 2)
    const values = (await Promise.all(steps)).map(({ value }) => (value as Taken).from)
    expect(values).toEqual(['p.1', 'p.2', 'p.1'])
    await ofA.return?.()
    send(one, 1, 2)
    expect((await rig.read({ protocol: 'a', minPriority: 0 }).next()).value).toMatchObject({ from: 'p.1' })
  })

  it('lets peers take turns by bytes, whatever the sizes and priorities of what they send', async () => {
    const rig = new Rig()
    const [large, small, urgent] = [rig.connect('large'), rig.connect('small'), rig.connect('urgent')]
    send(large, 100, 64 * KIB)
    send(small, 6_400, KIB)
    send(urgent, 1_600, 4 * KIB, 255)
    const taken = await take(rig.read(), 3_000)
    const shares = ['large', 'small', 'urgent'].map((from) => bytesOf(taken, from))
    expect(Math.max(...shares) / Math.min(...shares)).toBeLessThan(1.1)
  })

  it('gives the highest priority first inside the share of a peer, over all its connections', async () => {
    const rig = new Rig()
    const [one, other] = [rig.connect('a.1'), rig.connect('a.2')]
    send(one, 1, 1, 3)
    send(one, 1, 1, 1)
    send(other, 2, 1, 2)
    send(one, 1, 1, 2)
    const taken = await take(rig.read(), 5)
    expect(taken.map(({ priority }) => priority)).toEqual([3, 2, 2, 2, 1])
    expect(taken.slice(1, 4).map(({ from }) => from)).not.toEqual(['a.2', 'a.2', 'a.1'])
  })

  it('lets a newcomer begin where the others are: no debt, and no claim on the past', async () => {
    const rig = new Rig()
    const [early, late] = [rig.connect('early'), rig.connect('late')]
    send(early, 2_000, KIB)
    const reader = rig.read()
    await take(reader, 1_000)
    send(late, 1_000, KIB)
    const next = await take(reader, 100)
    expect(bytesOf(next, 'late') / bytesOf(next, 'early')).toBeCloseTo(1, 1)
  })

  it('does not let one who was idle save up a share', async () => {
    const rig = new Rig()
    const [steady, sly] = [rig.connect('steady'), rig.connect('sly')]
    const reader = rig.read()
    send(sly, 1, KIB)
    await take(reader, 1)
    send(steady, 5_000, KIB)
    await take(reader, 2_000)
    send(sly, 1_000, KIB)
    const next = await take(reader, 200)
    expect(bytesOf(next, 'sly')).toBeLessThan(110 * KIB)
  })

  it('keeps iterators of different priorities apart: what one peer was given of bulk costs it no urgent turn', async () => {
    const rig = new Rig()
    const [bulky, other] = [rig.connect('bulky'), rig.connect('other')]
    send(bulky, 100, KIB)
    await take(rig.read({ maxPriority: 127 }), 100)
    send(bulky, 100, KIB, 200)
    send(other, 100, KIB, 200)
    const taken = await take(rig.read({ minPriority: 128 }), 100)
    expect(bytesOf(taken, 'bulky') / bytesOf(taken, 'other')).toBeCloseTo(1, 1)
  })

  it('gives each message to exactly one: iterators of the device and of connections compete', async () => {
    const rig = new Rig()
    const inboxes = [rig.connect('a'), rig.connect('b')]
    const readers = [rig.read(), rig.read(), ...inboxes.map((inbox) => inbox.read(parseDeviceFilter(undefined)))]
    const counts = readers.map(() => 0)
    const reading = readers.map(async (reader, index) => {
      for await (const _ of reader) counts[index] = (counts[index] ?? 0) + 1
    })
    const random = new Generator(3)
    let total = 0
    for (let round = 0; round < 200; round++) {
      const count = random.below(5)
      total += count
      send(random.of(inboxes), count, 10, random.below(3))
      if (random.flag()) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const inbox of inboxes) inbox.end()
    rig.device.end()
    await Promise.all(reading)
    expect(counts.reduce((sum, count) => sum + count)).toBe(total)
    for (const count of counts) expect(count).toBeGreaterThan(0)
  })

  it('sees what came before it, and connections that come later', async () => {
    const rig = new Rig()
    send(rig.connect('early'), 1, 1)
    const reader = rig.read()
    expect((await reader.next()).value?.from).toBe('early')
    const step = reader.next()
    send(rig.connect('late'), 1, 1)
    expect((await step).value?.from).toBe('late')
  })

  it('loses nothing when a loop is left, or aborted', async () => {
    const rig = new Rig()
    send(rig.connect('a'), 3, 1)
    for await (const _ of rig.read()) break
    const controller = new AbortController()
    const urgent = rig.read({ minPriority: 1, signal: controller.signal })
    const step = urgent.next()
    controller.abort(new Error('enough'))
    await expect(step).rejects.toThrow('enough')
    expect(await take(rig.read(), 2)).toHaveLength(2)
  })

  it('ends with the device, once everything was taken', async () => {
    const rig = new Rig()
    const inbox = rig.connect('a')
    const [waiting, late] = [rig.read({ minPriority: 1 }), rig.read()]
    const step = waiting.next()
    send(inbox, 2, 1)
    rig.device.closing()
    inbox.end()
    rig.device.end()
    expect((await step).done).toBe(true)
    expect(await take(late, 2)).toHaveLength(2)
    expect((await late.next()).done).toBe(true)
    expect((await rig.read().next()).done).toBe(true)
  })

  it('gives out what an ended connection left, to a bound per peer and in all', async () => {
    const rig = new Rig(100 * KIB)
    const reader = rig.read()
    for (let index = 0; index < 10; index++) {
      const inbox = rig.connect(`reconnects.${index}`)
      send(inbox, 1, 40 * KIB)
      inbox.end()
    }
    expect(rig.device.leftBehindMessages).toBe(8)
    expect((await take(reader, 2)).map(({ from }) => from)).toEqual(['reconnects.8', 'reconnects.9'])
    for (let index = 0; index < 20; index++) {
      const inbox = rig.connect(`stranger${index}`)
      send(inbox, 1, 90 * KIB)
      inbox.end()
    }
    expect(rig.device.leftBehindMessages).toBe(8 + 16)
    expect(await take(reader, 4)).toHaveLength(4)
  })

  it('keeps nothing of connections that ended while no iterator was ever made', async () => {
    const rig = new Rig()
    const inbox = rig.connect('a')
    send(inbox, 1, 1)
    inbox.end()
    const reader = rig.read()
    rig.device.end()
    expect((await reader.next()).done).toBe(true)
    expect((await inbox.read(parseDeviceFilter(undefined)).next()).value?.from).toBe('a')
  })

  it('gives the messages of each peer as a naive list would, under random use', async () => {
    const rig = new Rig(1_000 * MIB)
    const names = ['a', 'b', 'c', 'd']
    const inboxes = new Map(names.map((name) => [name, rig.connect(name)]))
    const waiting = new Map<string, { priority: number; bytes: number }[]>(names.map((name) => [name, []]))
    const reader = rig.read()
    const random = new Generator(11)
    let fedSince = 0
    for (let step = 0; step < 10_000; step++) {
      const name = random.of(names)
      if (random.below(5) < 2 || [...waiting.values()].every(({ length }) => length === 0)) {
        const one = { priority: random.below(3), bytes: random.below(1_000) }
        inboxes.get(name)?.push(one.priority, Buffer.alloc(one.bytes))
        waiting.get(name)?.push(one)
        fedSince += 1
        continue
      }
      const { value } = await reader.next()
      const queue = waiting.get(value?.from ?? '') ?? []
      const highest = Math.max(...queue.map(({ priority }) => priority))
      const expected = queue.findIndex(({ priority }) => priority === highest)
      expect({ step, priority: value?.priority, bytes: value?.bytes }).toEqual({ step, ...queue[expected] })
      queue.splice(expected, 1)
    }
    expect(fedSince).toBeGreaterThan(1_000)
  })

  it('asks as much of a connection that ends, or of a message that is taken, however many others left something', async () => {
    const asked = [jest.spyOn(Inbox.prototype, 'bytes', 'get'), jest.spyOn(Inbox.prototype, 'highest')]
    const work = async (count: number): Promise<number> => {
      const rig = new Rig(100 * MIB)
      const reader = rig.read()
      const live = rig.connect('peer.live')
      for (let index = 0; index < count; index++) {
        const inbox = rig.connect(`peer.${index}`)
        send(inbox, 1, 10)
        inbox.end()
      }
      for (const spy of asked) spy.mockClear()
      const last = rig.connect('peer.last')
      send(last, 1, 10)
      last.end()
      send(live, 1, 10)
      await take(reader, 10)
      return asked.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    }
    expect(await work(2_000)).toBe(await work(20))
    for (const spy of asked) spy.mockRestore()
  })
})
