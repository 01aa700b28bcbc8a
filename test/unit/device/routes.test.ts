import { describe, expect, it } from '@jest/globals'
import { type DeviceReceiver, Routes, receiverOf } from '../../../lib/device/routes.js'
import type { DriverClose } from '../../../lib/driver.js'

/** The closes that a device hears of. */
function closes(...reasons: string[]): DriverClose[] {
  const told: DriverClose[] = []
  const device = { connectionClosed: (_: number, close: DriverClose) => told.push(close) }
  const receiver = receiverOf(new Routes(), () => device as unknown as DeviceReceiver)
  for (const reason of reasons) receiver.connectionClosed(7, 'remote', 'application', 5, reason, [])
  return told
}

describe('the routes of a device', () => {
  it('spell out what a reason cannot show, and keep it as it came beside', () => {
    const raw = '\u001b[31mred\r\nfake line \u0007\u202e ünïcode 🦀'
    expect(closes('grüße', raw)).toEqual([
      { by: 'remote', cause: 'application', code: 5, reason: 'grüße', accepts: [] },
      {
        by: 'remote',
        cause: 'application',
        code: 5,
        reason: '\\u{1b}[31mred\\u{d}\\u{a}fake line \\u{7}\\u{202e} ünïcode 🦀',
        rawReason: raw,
        accepts: [],
      },
    ])
  })

  it('say where a peer is that is up, so that nobody has to ask', () => {
    const routes = new Routes()
    const told: unknown[] = []
    const peer = { up: (...facts: unknown[]) => told.push(facts) }
    routes.peers.set(1, peer as unknown as Parameters<typeof routes.peers.set>[1])
    receiverOf(routes, () => undefined).peerUp(1, 2, '203.0.113.5:51820')
    expect(told).toEqual([[2, '203.0.113.5:51820']])
  })

  it('lead an event of what is gone already nowhere', () => {
    const receiver = receiverOf(new Routes(), () => undefined)
    expect(() => receiver.peerUp(1, 2, undefined)).not.toThrow()
    expect(() => receiver.connectionClosed(7, 'local', 'application', 0, '', [])).not.toThrow()
  })
})
