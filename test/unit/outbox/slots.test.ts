import { describe, expect, it } from '@jest/globals'
import { Deadlines } from '../../../lib/outbox/deadlines.js'
import { NO_LANES, policyOf } from '../../../lib/outbox/lanes.js'
import { Outbox } from '../../../lib/outbox/outbox.js'
import { parseSend } from '../../../lib/outbox/send-options.js'
import { Slots } from '../../../lib/outbox/slots.js'
import { Attention } from '../../../lib/waiting/attention.js'
import { settle, VirtualClock } from '../virtual-clock.js'

const FULL = 4 * 2 ** 20

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
