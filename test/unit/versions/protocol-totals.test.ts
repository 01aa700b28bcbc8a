import { describe, expect, it } from '@jest/globals'
import { ProtocolTotals } from '../../../lib/versions/protocol-totals.js'
import { VirtualClock } from '../virtual-clock.js'

describe('ProtocolTotals', () => {
  it('count by protocol, in the order of names', () => {
    const totals = new ProtocolTotals(new VirtualClock())
    totals.of('b').messagesReceived += 1
    totals.of('a').connections += 1
    totals.of('b').messagesReceived += 1
    expect(totals.all).toMatchObject([
      { protocol: 'a', connections: 1, messagesReceived: 0 },
      { protocol: 'b', connections: 0, messagesReceived: 2 },
    ])
  })

  it('know when a peer spoke a protocol last, until it is forgotten', async () => {
    const clock = new VirtualClock()
    const totals = new ProtocolTotals(clock)
    totals.spoke('x', 'a')
    await clock.advance(10)
    totals.spoke('x', 'b')
    expect([totals.quietFor('x', 'a'), totals.quietFor('x', 'b'), totals.quietFor('y', 'a')]).toEqual([
      10,
      0,
      undefined,
    ])
    totals.forget('x')
    expect(totals.quietFor('x', 'a')).toBeUndefined()
  })

  it('are bounded, and never forget what is spoken now', () => {
    const totals = new ProtocolTotals(new VirtualClock())
    totals.of('live').connections = 1
    for (let index = 0; index < 10_000; index++) {
      totals.of(`p/${index}`)
      totals.spoke('x', `p/${index}`)
    }
    expect(totals.all.length).toBeLessThanOrEqual(257)
    expect(totals.of('live').connections).toBe(1)
    expect(totals.quietFor('x', 'p/0')).toBeUndefined()
    expect(totals.quietFor('x', 'p/9999')).toBe(0)
  })
})
