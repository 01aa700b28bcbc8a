import { getEventListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { parseSend } from '../../../lib/outbox/send-options.js'
import { bytes, rig, send } from './rig.js'

const MIB = 2 ** 20

/** Not in the types of this TypeScript's target. */
interface Resizable {
  resize(length: number): void
}

function resizable(length: number, maxByteLength: number): ArrayBuffer {
  const Kind = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer
  return new Kind(length, { maxByteLength })
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol()
  const first = await Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    new Promise((resolve) => setImmediate(resolve, pending)),
  ])
  return first !== pending
}

describe('Outbox', () => {
  it('admits what has room at once, and the rest as the lane drains, in order', async () => {
    const { outbox, given } = rig()
    const sends = Array.from({ length: 8 }, (_, index) => send(outbox, bytes(MIB + index)))
    expect(given.map(([, , length]) => length - MIB)).toEqual([0, 1, 2])
    expect(await isSettled(sends[3] as Promise<unknown>)).toBe(false)
    outbox.drained(0, 5)
    expect(given).toHaveLength(3)
    outbox.drained(0, 1)
    expect(given.map(([, , length]) => length - MIB)).toEqual([0, 1, 2, 3])
    await sends[3]
  })

  it('never makes an urgent send wait behind bulk', async () => {
    const { outbox, given } = rig()
    for (let index = 0; index < 10; index++) void send(outbox, bytes(4 * MIB))
    await send(outbox, bytes(200), { priority: 200 })
    expect(given.at(-1)).toEqual([2, 200, 200])
  })

  it('admits an object larger than the lane alone', async () => {
    const { outbox, given } = rig()
    await send(outbox, bytes(16 * MIB))
    const second = send(outbox, bytes(1))
    expect(await isSettled(second)).toBe(false)
    outbox.drained(0, 16 * MIB)
    await second
    expect(given).toHaveLength(2)
  })

  it('bounds the number of small messages until they settle', async () => {
    const { outbox, given } = rig()
    const sends = Array.from({ length: 4_097 }, () => send(outbox, bytes(0)))
    expect(given).toHaveLength(4_096)
    outbox.settled(1, 'delivered')
    await sends[4_096]
    expect(given).toHaveLength(4_097)
  })

  it('refuses what the limits have no room for, and counts back everything that left', async () => {
    const rigged = rig()
    rigged.limit = 6 * MIB
    const { outbox } = rigged
    const first = await send(outbox, bytes(4 * MIB))
    const waiting = send(outbox, bytes(MIB))
    await expect(send(outbox, bytes(2 * MIB))).rejects.toThrow('full')
    outbox.drained(0, 4 * MIB)
    await waiting
    outbox.settled(1, 'delivered')
    expect(await first.settled).toBe('delivered')
    outbox.drained(0, MIB)
    expect(rigged.reserved).toBe(0)
  })

  it('refuses bytes whose memory was transferred or resized while they waited, and goes on with the next', async () => {
    const rigged = rig()
    const { outbox, given } = rigged
    await send(outbox, bytes(4 * MIB))
    const changes = [
      (lent: Uint8Array) => structuredClone(lent.buffer, { transfer: [lent.buffer as ArrayBuffer] }),
      (lent: Uint8Array) => (lent.buffer as ArrayBuffer & Resizable).resize(10),
      (lent: Uint8Array) => (lent.buffer as ArrayBuffer & Resizable).resize(3 * MIB),
    ]
    const refused = changes.map((change) => {
      const lent = new Uint8Array(resizable(MIB, 3 * MIB))
      const sent = send(outbox, lent)
      change(lent)
      return sent
    })
    const next = send(outbox, bytes(7))
    outbox.drained(0, 4 * MIB)
    for (const sent of refused) {
      await expect(sent).rejects.toThrow(TypeError)
      await expect(sent).rejects.toMatchObject({ code: 'ERR_WARREN_INVALID_ARGUMENT' })
    }
    await next
    expect(given.map(([, , length]) => length)).toEqual([4 * MIB, 7])
    outbox.drained(0, 7)
    expect(rigged.reserved).toBe(0)
    expect(Array.from(outbox.lanes, (lane) => lane.queuedBytes)).toEqual([0])
    expect(outbox.isIdle).toBe(true)
  })

  it('lets one message of a lane wait past the limit where the lane has some under way, and refuses a second', async () => {
    const rigged = rig()
    rigged.limit = 2 * MIB
    rigged.waitsPastLimit = true
    const { outbox, given } = rigged
    await send(outbox, bytes(MIB))
    const held = send(outbox, bytes(MIB))
    expect(await isSettled(held)).toBe(false)
    await expect(send(outbox, bytes(MIB))).rejects.toThrow('full')
    outbox.drained(0, MIB)
    await held
    expect(given).toHaveLength(2)
  })

  it('has no more under way in a lane past the limit than there was, however little leaves at a time', async () => {
    const rigged = rig()
    rigged.limit = 2 * MIB + 512
    rigged.waitsPastLimit = true
    const { outbox, given } = rigged
    const [lane] = [await send(outbox, bytes(MIB)), await send(outbox, bytes(MIB))].flatMap(() => [...outbox.lanes])
    let next = send(outbox, bytes(1_000))
    for (let left = 0; left < 20_000; left += 100) {
      outbox.drained(0, 100)
      if (await isSettled(next)) next = send(outbox, bytes(1_000))
      expect(lane?.queuedBytes).toBeLessThanOrEqual(2 * MIB)
    }
    expect(given).toHaveLength(22)
    // One that is longer goes alone, and each at once where others made room.
    outbox.drained(0, 1_000)
    await next
    next = send(outbox, bytes(3 * MIB))
    outbox.drained(0, lane?.queuedBytes as number)
    await next
    next = send(outbox, bytes(1_000))
    rigged.limit = 4 * MIB
    outbox.drained(0, 1)
    await next
    expect(given).toHaveLength(25)
  })

  it('goes past the limits when it is due only behind what its lane has under way', async () => {
    const rigged = rig()
    rigged.limit = MIB + 1_000
    const { outbox, asking } = rigged
    const tell = (isDue: boolean) => {
      for (const callback of asking) callback(isDue)
    }
    await send(outbox, bytes(MIB))
    const held = send(outbox, bytes(1_000))
    rigged.reserved += MIB
    tell(true)
    outbox.drained(0, 999)
    tell(true)
    expect(await isSettled(held)).toBe(false)
    outbox.drained(0, 1)
    expect(await isSettled(held)).toBe(false)
    tell(true)
    await held
  })

  it('lets one message of a lane wait for room under the limits, uncounted, and refuses those behind it', async () => {
    const rigged = rig()
    rigged.limit = 2 * MIB
    const { outbox, given, asking } = rigged
    const tell = (isDue: boolean) => {
      for (const callback of asking) callback(isDue)
    }
    await send(outbox, bytes(MIB))
    const urgent = send(outbox, bytes(MIB), { priority: 1 })
    await expect(send(outbox, bytes(1), { priority: 1 })).rejects.toThrow('full')
    const bulk = send(outbox, bytes(MIB))
    expect([rigged.reserved, asking.size]).toEqual([MIB, 2])
    tell(false)
    expect([await isSettled(urgent), await isSettled(bulk)]).toEqual([false, false])
    outbox.drained(0, MIB)
    await bulk
    tell(false)
    expect([await isSettled(urgent), given.length]).toEqual([false, 2])
    tell(true)
    await urgent
    expect([rigged.reserved, asking.size, given.length]).toEqual([2 * MIB, 0, 3])
  })

  it('counts nothing back of a message that waited for room in vain, and asks for it no more', async () => {
    const rigged = rig()
    const { outbox, asking, clock } = rigged
    rigged.limit = 1
    const controller = new AbortController()
    const sends = [
      send(outbox, bytes(1), { signal: controller.signal }),
      send(outbox, bytes(1), { priority: 1, lifetime: 5 }),
      send(outbox, bytes(1), { priority: 2 }),
    ]
    expect(asking.size).toBe(3)
    controller.abort(new Error('no longer wanted'))
    await expect(sends[0]).rejects.toThrow('no longer wanted')
    await clock.advance(5)
    expect(await (await sends[1])?.settled).toBe('expired')
    outbox.end()
    await expect(sends[2]).rejects.toThrow('closed')
    expect([rigged.reserved, asking.size, outbox.isIdle]).toEqual([0, 0, true])
  })

  it('settles with what the engine says, also when asked later', async () => {
    const { outbox } = rig()
    const one = await send(outbox, bytes(1))
    const two = await send(outbox, bytes(1))
    const settled = one.settled
    outbox.settled(1, 'delivered')
    outbox.settled(2, 'dropped')
    expect(await settled).toBe('delivered')
    expect(await two.settled).toBe('dropped')
  })

  it('asks the engine to cancel, once it was admitted and until it is settled', async () => {
    const { outbox, cancelled } = rig()
    const sent = await send(outbox, bytes(1))
    sent.cancel()
    outbox.settled(1, 'cancelled')
    sent.cancel()
    expect(cancelled).toEqual([1])
    expect(await sent.settled).toBe('cancelled')
  })

  it('rejects an aborted send that waits, and lets the next take its place', async () => {
    const { outbox, given } = rig()
    const controller = new AbortController()
    await send(outbox, bytes(3 * MIB))
    const large = send(outbox, bytes(2 * MIB), { signal: controller.signal })
    const small = send(outbox, bytes(MIB))
    expect(given).toHaveLength(1)
    controller.abort(new Error('no longer wanted'))
    await expect(large).rejects.toThrow('no longer wanted')
    await small
    expect(given.map(([, , length]) => length)).toEqual([3 * MIB, MIB])
  })

  it('cancels an admitted send on abort, with one listener for any number of sends and none afterwards', async () => {
    const { outbox, cancelled } = rig()
    const controller = new AbortController()
    const sends = await Promise.all(
      Array.from({ length: 100 }, () => send(outbox, bytes(1), { signal: controller.signal })),
    )
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    for (let message = 1; message <= 99; message++) outbox.settled(message, 'delivered')
    controller.abort()
    expect(cancelled).toEqual([100])
    outbox.settled(100, 'cancelled')
    expect(await sends[99]?.settled).toBe('cancelled')
    await expect(send(outbox, bytes(1), { signal: controller.signal })).rejects.toBe(controller.signal.reason)
    const other = new AbortController()
    await send(outbox, bytes(1), { signal: other.signal })
    outbox.settled(101, 'delivered')
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(0)
  })

  it('ends: rejects who waits, loses what is under way, frees what was reserved', async () => {
    const rigged = rig()
    const { outbox } = rigged
    const under = await send(outbox, bytes(4 * MIB))
    const waiting = send(outbox, bytes(1))
    outbox.end()
    await expect(waiting).rejects.toThrow('closed')
    expect(await under.settled).toBe('lost')
    await expect(send(outbox, bytes(1))).rejects.toThrow('closed')
    expect(rigged.reserved).toBe(0)
  })

  it('is idle when nothing waits for admission', async () => {
    const { outbox } = rig()
    await outbox.idle()
    void send(outbox, bytes(4 * MIB))
    void send(outbox, bytes(MIB))
    expect(outbox.isIdle).toBe(false)
    const idle = outbox.idle()
    expect(await isSettled(idle)).toBe(false)
    outbox.drained(0, 4 * MIB)
    await idle
    expect(outbox.isIdle).toBe(true)
  })
})

describe('Outbox with lifetimes', () => {
  it('tells the engine how much life is left, whole milliseconds or not, and nothing where there is no end', async () => {
    const { outbox, lifetimes, clock } = rig()
    await send(outbox, bytes(4 * MIB))
    const waiting = send(outbox, bytes(1), { lifetime: 100 })
    await send(outbox, bytes(1), { priority: 1, lifetime: 7 })
    await clock.advance(60)
    outbox.drained(0, 4 * MIB)
    await waiting
    expect(lifetimes).toEqual([undefined, 7, 40])
  })

  it('expires what still waits when its life ends, and lets the next take its place', async () => {
    const rigged = rig()
    const { outbox, clock, given } = rigged
    await send(outbox, bytes(3 * MIB))
    const large = send(outbox, bytes(2 * MIB), { lifetime: 50 })
    const small = send(outbox, bytes(MIB))
    await clock.advance(49)
    expect(await isSettled(large)).toBe(false)
    await clock.advance(1)
    expect(await (await large).settled).toBe('expired')
    await small
    expect(given.map(([, , length]) => length)).toEqual([3 * MIB, MIB])
    outbox.drained(0, 4 * MIB)
    expect(rigged.reserved).toBe(0)
  })

  it('counts the life of a message from the call also when the timer is late', async () => {
    const { outbox, clock, given } = rig()
    await send(outbox, bytes(4 * MIB))
    const waiting = send(outbox, bytes(1), { lifetime: 50 })
    clock.sleep(50)
    outbox.drained(0, 4 * MIB)
    expect(await (await waiting).settled).toBe('expired')
    expect(given).toHaveLength(1)
  })

  it('has one timer for any number that wait', async () => {
    const { outbox, clock } = rig()
    await send(outbox, bytes(4 * MIB))
    const sends = Array.from({ length: 1_000 }, (_, index) =>
      send(outbox, bytes(1), { lifetime: 1_000 - (index % 100) }),
    )
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)
    const outcomes = await Promise.all(sends.map(async (sent) => (await sent).settled))
    expect(new Set(outcomes)).toEqual(new Set(['expired']))
    expect(clock.pending).toBe(0)
  })
})

describe('Outbox with lanes that do not wait', () => {
  it('hands over at once what the engine may drop', async () => {
    const { outbox, given } = rig({ 5: { full: 'drop-oldest', maxQueuedBytes: 10 } })
    const sends = await Promise.all(Array.from({ length: 5 }, () => send(outbox, bytes(9), { priority: 5 })))
    expect(given).toHaveLength(5)
    outbox.settled(1, 'dropped')
    expect(await sends[0]?.settled).toBe('dropped')
  })

  it('drops the newest instead of an error when the limits are reached, and counts back everything', async () => {
    const rigged = rig({ 5: { full: 'drop-newest' } })
    rigged.limit = 4_000
    const { outbox, given } = rigged
    const sends = await Promise.all(Array.from({ length: 9 }, () => send(outbox, bytes(1_000), { priority: 5 })))
    expect(given).toHaveLength(2)
    expect(await sends[2]?.settled).toBe('dropped')
    outbox.drained(5, 2_000)
    for (const message of [1, 2]) outbox.settled(message, 'delivered')
    expect(rigged.reserved).toBe(0)
    await send(outbox, bytes(1_000), { priority: 5 })
    outbox.end()
    expect(rigged.reserved).toBe(0)
  })

  it('bounds a lane that waits at its own size', async () => {
    const { outbox, given } = rig({ 5: { maxQueuedBytes: 10 } })
    for (let index = 0; index < 3; index++) void send(outbox, bytes(5), { priority: 5 })
    expect(given).toHaveLength(2)
  })
})

describe('Outbox and those who want to know how messages end', () => {
  it('tells of each once, and why it was dropped', async () => {
    const { outbox, settled, clock } = rig({ 0: { maxQueuedBytes: 100 }, 1: { full: 'drop-newest' } })
    await send(outbox, bytes(1))
    await send(outbox, bytes(2), { priority: 1 })
    await send(outbox, bytes(3))
    outbox.settled(1, 'delivered')
    outbox.settled(2, 'dropped')
    outbox.settled(3, 'dropped')
    outbox.settled(3, 'dropped')
    expect(settled.splice(0)).toEqual([
      [0, 1, 'delivered', undefined],
      [1, 2, 'dropped', 'lane-full'],
      [0, 3, 'dropped', 'refused'],
    ])

    outbox.drained(0, 4)
    await send(outbox, bytes(100))
    const waiter = { resolve: () => undefined, reject: () => undefined }
    outbox.post(bytes(4), parseSend(undefined), 50, waiter)
    outbox.post(bytes(5), parseSend({ lifetime: 40 }), 50, waiter)
    await clock.advance(50)
    expect(settled.splice(0)).toEqual([
      [0, 5, 'expired', undefined],
      [0, 4, 'dropped', 'patience'],
    ])

    const changing = new Uint8Array(new ArrayBuffer(6))
    const waits = send(outbox, changing)
    structuredClone(changing.buffer, { transfer: [changing.buffer] })
    outbox.drained(0, 100)
    await expect(waits).rejects.toThrow(TypeError)
    expect(settled.splice(0)).toEqual([[0, 6, 'dropped', 'changed']])
  })

  it('tells of what had no room, and of what its connection left undone', async () => {
    const rigged = rig()
    const { outbox, settled } = rigged
    await send(outbox, bytes(1))
    rigged.limit = rigged.reserved
    const waits = send(outbox, bytes(3))
    await expect(send(outbox, bytes(2))).rejects.toThrow('full')
    outbox.end()
    await expect(waits).rejects.toThrow('closed')
    expect(settled).toEqual([
      [0, 2, 'dropped', 'queue-full'],
      [0, 3, 'lost', undefined],
      [0, 1, 'lost', undefined],
    ])
  })
})

describe('attention', () => {
  it('is asked for while a send waits for room, and for no message that was admitted', async () => {
    const { outbox, heeded } = rig()
    await send(outbox, bytes(4 * MIB))
    expect(heeded).toEqual([])
    const waiting = send(outbox, bytes(1))
    expect(heeded).toEqual([true])
    outbox.drained(0, 4 * MIB)
    await waiting
    expect(heeded).toEqual([true, false])
  })

  it('is asked for from the first look at `settled` until the message has settled', async () => {
    const { outbox, heeded } = rig()
    const [read, unread] = [await send(outbox, bytes(1)), await send(outbox, bytes(1))]
    const settled = Promise.all([read.settled, read.settled])
    expect(heeded).toEqual([true])
    outbox.settled(1, 'delivered')
    expect(await settled).toEqual(['delivered', 'delivered'])
    expect(heeded).toEqual([true, false])
    outbox.settled(2, 'delivered')
    expect(await unread.settled).toBe('delivered')
    expect(heeded).toEqual([true, false])
  })

  it('is asked for while somebody waits for everything to settle', async () => {
    const { outbox, heeded } = rig()
    await send(outbox, bytes(1))
    const all = [outbox.allSettled(), outbox.allSettled()]
    expect(heeded).toEqual([true])
    outbox.settled(1, 'delivered')
    await Promise.all(all)
    expect(heeded).toEqual([true, false])
  })

  it.each(['aborted', 'ended'])('is asked for no more once what waits is given up: %s', async (how) => {
    const { outbox, heeded } = rig()
    const outgoing = await send(outbox, bytes(4 * MIB))
    const abort = new AbortController()
    const waiting = expect(send(outbox, bytes(1), { signal: abort.signal })).rejects.toThrow()
    const settled = outgoing.settled
    if (how === 'aborted') abort.abort(new Error('aborted'))
    outbox.end()
    await waiting
    expect(await settled).toBe('lost')
    expect(heeded).toEqual([true, false])
  })
})
