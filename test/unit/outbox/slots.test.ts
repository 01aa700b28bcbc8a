import { describe, expect, it } from '@jest/globals'
import { Deadlines } from '../../../lib/outbox/deadlines.js'
import { NO_LANES, policyOf } from '../../../lib/outbox/lanes.js'
import { Outbox } from '../../../lib/outbox/outbox.js'
import { parseSend } from '../../../lib/outbox/send-options.js'
import { Slots } from '../../../lib/outbox/slots.js'
import { Attention } from '../../../lib/waiting/attention.js'
import { settle, VirtualClock } from '../virtual-clock.js'
import { bytes, rig as rigOutbox, send } from './rig.js'

const MIB = 2 ** 20
const FULL = 4 * MIB

function rig(slots = new Slots()) {
  let message = 0
  const cancelled: string[] = []
  const outbox = new Outbox(
    {
      nextMessage: () => ++message,
      deadlines: new Deadlines(new VirtualClock()),
      attention: new Attention(() => undefined),
      policy: (priority) => policyOf(NO_LANES, priority),
      transmit: () => undefined,
      cancel: (id, reason) => cancelled.push(`${id} ${reason}`),
      room: () => 'now',
      reserve: () => undefined,
      onRoom: () => () => undefined,
      release: () => undefined,
      settled: () => undefined,
      fullError: () => new Error('full'),
      closedError: () => new Error('closed'),
    },
    slots,
  )
  const send = (bytes: number, replaces?: string) => outbox.send(Buffer.alloc(bytes), parseSend({ replaces }))
  return { outbox, cancelled, send }
}

describe('Slots', () => {
  it('are shared by the outboxes of a peer: the message before is given up where it is', async () => {
    const slots = new Slots()
    const [old, young] = [rig(slots), rig(slots)]
    const first = await old.send(1, 'vote')
    await young.send(2, 'vote')
    expect([old.cancelled, young.cancelled]).toEqual([['1 replaced'], []])
    old.outbox.settled(1, 'replaced')
    expect(await first.settled).toBe('replaced')
    await old.send(3, 'vote')
    expect(young.cancelled).toEqual(['1 replaced'])
  })

  it('are free once their message has ended', async () => {
    const slots = new Slots()
    const [old, young] = [rig(slots), rig(slots)]
    await old.send(1, 'vote')
    old.outbox.settled(1, 'delivered')
    await young.send(2, 'vote')
    expect(old.cancelled).toEqual([])
  })
})

describe('Outbox', () => {
  it('tells when nothing waits and everything has settled', async () => {
    const { outbox, send } = rig()
    const seen: string[] = []
    void outbox.allSettled().then(() => seen.push('empty'))
    await settle()
    expect(seen).toEqual(['empty'])
    const sends = [send(FULL), send(10)]
    void outbox.allSettled().then(() => seen.push('all settled'))
    outbox.drained(0, FULL)
    await Promise.all(sends)
    outbox.settled(1, 'delivered')
    await settle()
    expect(seen).toEqual(['empty'])
    outbox.settled(2, 'delivered')
    await settle()
    expect(seen).toEqual(['empty', 'all settled'])
  })

  it('tells so at the end of its connection as well', async () => {
    const { outbox, send } = rig()
    await send(FULL)
    const waiting = send(10)
    const all = outbox.allSettled()
    outbox.end()
    await expect(waiting).rejects.toThrow('closed')
    await all
  })
})

describe('Outbox with slots', () => {
  it('gives the message of the slot up, where it waits and where it is under way', async () => {
    const rigged = rigOutbox()
    const { outbox, cancelled, reasons, given } = rigged
    const first = await send(outbox, bytes(4 * MIB), { replaces: 'vote' })
    const second = send(outbox, bytes(MIB), { replaces: 'vote' })
    expect([cancelled, reasons]).toEqual([[1], ['replaced']])
    const other = send(outbox, bytes(3), { replaces: 'other' })
    const third = send(outbox, bytes(2), { replaces: 'vote' })
    expect(await (await second).settled).toBe('replaced')
    outbox.settled(1, 'replaced')
    outbox.drained(0, 4 * MIB)
    expect(await first.settled).toBe('replaced')
    await Promise.all([other, third])
    expect(given.map(([, , length]) => length)).toEqual([4 * MIB, 3, 2])
    expect(cancelled).toEqual([1])
  })

  it('forgets a slot when its message has settled', async () => {
    const { outbox, cancelled } = rigOutbox()
    await send(outbox, bytes(1), { replaces: 'vote' })
    outbox.settled(1, 'delivered')
    await send(outbox, bytes(1), { replaces: 'vote' })
    expect(cancelled).toEqual([])
    await send(outbox, bytes(1), { replaces: 'vote' })
    expect(cancelled).toEqual([2])
  })

  it('keeps the newest of a slot whatever the order in which the others settle', async () => {
    const { outbox, cancelled } = rigOutbox()
    for (let index = 0; index < 3; index++) await send(outbox, bytes(1), { replaces: 'vote' })
    outbox.settled(2, 'replaced')
    outbox.settled(1, 'delivered')
    await send(outbox, bytes(1), { replaces: 'vote' })
    expect(cancelled).toEqual([1, 2, 3])
  })

  it('leaves what is under way in a slot where the next of it has no room', async () => {
    const rigged = rigOutbox({ 7: { full: 'drop-newest' } })
    const { outbox, cancelled, settled } = rigged
    const first = await send(outbox, bytes(1), { replaces: 'vote' })
    const second = await send(outbox, bytes(1), { replaces: 'pose', priority: 7 })
    rigged.limit = 0
    const waiting = send(outbox, bytes(1), { replaces: 'other' })
    await expect(send(outbox, bytes(1), { replaces: 'vote' })).rejects.toThrow('full')
    const options = parseSend({ replaces: 'pose', priority: 7 })
    outbox.post(bytes(1), options, Infinity, { resolve: () => undefined, reject: () => undefined })
    expect(settled.map(([, , outcome]) => outcome)).toEqual(['dropped', 'dropped'])
    expect(cancelled).toEqual([])
    outbox.settled(1, 'delivered')
    outbox.settled(2, 'delivered')
    expect([await first.settled, await second.settled]).toEqual(['delivered', 'delivered'])
    // One that waits is given up, so that the next may wait in its place.
    const next = send(outbox, bytes(1), { replaces: 'other' })
    expect(await (await waiting).settled).toBe('replaced')
    rigged.limit = 2_000
    for (const callback of rigged.asking) callback(false)
    await next
    expect(cancelled).toEqual([])
  })

  it('keeps no entry of what waited and was replaced', async () => {
    const { outbox } = rigOutbox()
    await send(outbox, bytes(4 * MIB))
    const head = send(outbox, bytes(4 * MIB))
    const sends = Array.from({ length: 10_000 }, () => send(outbox, bytes(100), { replaces: 'state' }))
    const [lane] = outbox.lanes
    expect(lane).toMatchObject({ waitingMessages: 2, waitingBytes: 4 * MIB + 100 })
    const outcomes = await Promise.all(sends.slice(0, -1).map(async (sent) => (await sent).settled))
    expect(new Set(outcomes)).toEqual(new Set(['replaced']))
    outbox.drained(0, 4 * MIB)
    await head
  })
})
