import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { DIALLERS, echoBothWays, FOREIGN, OURS, withTunnel } from '../tunnel.mjs'

/** What any WireGuard peer has in common with another: handshakes, keys, addresses. */
export function conversation(Foreign) {
  for (const driver of ['native', 'script']) {
    for (const host of ['127.0.0.1', '::1']) {
      for (const dialler of DIALLERS) {
        test(`${dialler} dials over ${host}, ${driver} driver: echo both ways, IPv4 and IPv6, empty and full`, () =>
          withTunnel(Foreign, { dialler, driver, host }, async (tunnel) => {
            await echoBothWays(tunnel)
            assert.ok(tunnel.ours.answered > 0)
            if (dialler !== 'warren') assert.equal(tunnel.ours.device.stats().initiationsSent, 0)
          }))
      }
    }
  }

  for (const dialler of DIALLERS) {
    test(`a pre-shared key of both ends is used when ${dialler} dials`, () =>
      withTunnel(Foreign, { dialler, presharedKey: randomBytes(32).toString('base64') }, echoBothWays))
  }

  test('with another pre-shared key nothing passes', () =>
    withTunnel(
      Foreign,
      { dialler: 'warren', presharedKey: randomBytes(32).toString('base64'), foreignKey: '' },
      async ({ ours }) => {
        await assert.rejects(ours.ping(FOREIGN[0], { timeout: 2_000 }), /no echo/)
        assert.deepEqual(ours.sessions, [])
      },
    ))

  test('a packet from an address that is not its own is dropped', () =>
    withTunnel(Foreign, { dialler: DIALLERS[1], allowedIPs: ['10.7.0.1/32'] }, async ({ foreign, ours }) => {
      await foreign.ping(OURS[0])
      await assert.rejects(foreign.ping(OURS[1], { timeout: 1_000 }), /no echo/)
      assert.ok(ours.device.stats().receiveDroppedWrongSource > 0)
    }))

  test('dialling a connection through it fails clearly', () =>
    withTunnel(Foreign, { dialler: 'warren' }, async ({ ours }) => {
      await ours.ping(FOREIGN[0])
      await assert.rejects(ours.peer.connect({ timeout: 2_000 }), { code: 'ERR_WARREN_NO_TRANSPORT' })
      await ours.ping(FOREIGN[1])
    }))
}
