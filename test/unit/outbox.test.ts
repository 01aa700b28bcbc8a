import { getEventListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { Outbox } from '../../lib/outbox.js'

const MIB = 2 ** 20

interface Rig {
  readonly outbox: Outbox
  /** What was given to the engine: message, priority, length. */
  readonly given: [message: number, priority: number, bytes: number][]
  readonly cancelled: number[]
  reserved: number
  limit: number
}

function rig(): Rig {
  const rig: Rig = { given: [], cancelled: [], reserved: 0, limit: Infinity, outbox: undefined as unknown as Outbox }
  let message = 0
  const outbox = new Outbox({
    nextMessage: () => ++message,
    transmit: (id, priority, bytes) => rig.given.push([id, priority, bytes.byteLength]),
    cancel: (id) => rig.cancelled.push(id),
    reserve(_, bytes) {
      if (rig.reserved + bytes > rig.limit) return false
      rig.reserved += bytes
      return true
    },
    release(_, bytes) {
      rig.reserved -= bytes
    },
    fullError: () => new Error('full'),
    closedError: () => new Error('closed'),
  })
  return Object.assign(rig, { outbox })
}

const bytes = (length: number): Uint8Array => new Uint8Array(length)

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
    const sends = Array.from({ length: 8 }, (_, index) => outbox.send(bytes(MIB + index), 0, undefined))
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
    for (let index = 0; index < 10; index++) void outbox.send(bytes(4 * MIB), 0, undefined)
    await outbox.send(bytes(200), 200, undefined)
    expect(given.at(-1)).toEqual([2, 200, 200])
  })

  it('admits an object larger than the lane alone', async () => {
    const { outbox, given } = rig()
    await outbox.send(bytes(16 * MIB), 0, undefined)
    const second = outbox.send(bytes(1), 0, undefined)
    expect(await isSettled(second)).toBe(false)
    outbox.drained(0, 16 * MIB)
    await second
    expect(given).toHaveLength(2)
  })

  it('bounds the number of small messages until they settle', async () => {
    const { outbox, given } = rig()
    const sends = Array.from({ length: 4_097 }, () => outbox.send(bytes(0), 0, undefined))
    expect(given).toHaveLength(4_096)
    outbox.settled(1, 'delivered')
    await sends[4_096]
    expect(given).toHaveLength(4_097)
  })

  it('refuses what the limits have no room for, and counts back everything that left', async () => {
    const rigged = rig()
    rigged.limit = 6 * MIB
    const { outbox } = rigged
    const first = await outbox.send(bytes(4 * MIB), 0, undefined)
    const waiting = outbox.send(bytes(MIB), 0, undefined)
    await expect(outbox.send(bytes(2 * MIB), 0, undefined)).rejects.toThrow('full')
    outbox.drained(0, 4 * MIB)
    await waiting
    outbox.settled(1, 'delivered')
    expect(await first.settled).toBe('delivered')
    outbox.drained(0, MIB)
    expect(rigged.reserved).toBe(0)
  })

  it('settles with what the engine says, also when asked later', async () => {
    const { outbox } = rig()
    const one = await outbox.send(bytes(1), 0, undefined)
    const two = await outbox.send(bytes(1), 0, undefined)
    const settled = one.settled
    outbox.settled(1, 'delivered')
    outbox.settled(2, 'dropped')
    expect(await settled).toBe('delivered')
    expect(await two.settled).toBe('dropped')
  })

  it('asks the engine to cancel, once it was admitted and until it is settled', async () => {
    const { outbox, cancelled } = rig()
    const sent = await outbox.send(bytes(1), 0, undefined)
    sent.cancel()
    outbox.settled(1, 'cancelled')
    sent.cancel()
    expect(cancelled).toEqual([1])
    expect(await sent.settled).toBe('cancelled')
  })

  it('rejects an aborted send that waits, and lets the next take its place', async () => {
    const { outbox, given } = rig()
    const controller = new AbortController()
    await outbox.send(bytes(3 * MIB), 0, undefined)
    const large = outbox.send(bytes(2 * MIB), 0, controller.signal)
    const small = outbox.send(bytes(MIB), 0, undefined)
    expect(given).toHaveLength(1)
    controller.abort(new Error('no longer wanted'))
    await expect(large).rejects.toThrow('no longer wanted')
    await small
    expect(given.map(([, , length]) => length)).toEqual([3 * MIB, MIB])
  })

  it('cancels an admitted send on abort, with one listener for any number of sends and none afterwards', async () => {
    const { outbox, cancelled } = rig()
    const controller = new AbortController()
    const sends = await Promise.all(Array.from({ length: 100 }, () => outbox.send(bytes(1), 0, controller.signal)))
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    for (let message = 1; message <= 99; message++) outbox.settled(message, 'delivered')
    controller.abort()
    expect(cancelled).toEqual([100])
    outbox.settled(100, 'cancelled')
    expect(await sends[99]?.settled).toBe('cancelled')
    await expect(outbox.send(bytes(1), 0, controller.signal)).rejects.toBe(controller.signal.reason)
    const other = new AbortController()
    await outbox.send(bytes(1), 0, other.signal)
    outbox.settled(101, 'delivered')
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(0)
  })

  it('ends: rejects who waits, loses what is under way, frees what was reserved', async () => {
    const rigged = rig()
    const { outbox } = rigged
    const under = await outbox.send(bytes(4 * MIB), 0, undefined)
    const waiting = outbox.send(bytes(1), 0, undefined)
    outbox.end()
    await expect(waiting).rejects.toThrow('closed')
    expect(await under.settled).toBe('lost')
    await expect(outbox.send(bytes(1), 0, undefined)).rejects.toThrow('closed')
    expect(rigged.reserved).toBe(0)
  })

  it('is idle when nothing waits for admission', async () => {
    const { outbox } = rig()
    await outbox.idle()
    void outbox.send(bytes(4 * MIB), 0, undefined)
    void outbox.send(bytes(MIB), 0, undefined)
    expect(outbox.isIdle).toBe(false)
    const idle = outbox.idle()
    expect(await isSettled(idle)).toBe(false)
    outbox.drained(0, 4 * MIB)
    await idle
    expect(outbox.isIdle).toBe(true)
  })
})
