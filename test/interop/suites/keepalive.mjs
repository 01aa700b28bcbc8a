import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { DIALLERS, echoBothWays, FOREIGN, OURS, until, withTunnel } from '../tunnel.mjs'

/** Empty packets, which say that an end is there: seen by a relay between both, never delivered as packets. */
export function keepalive(Foreign) {
  for (const dialler of DIALLERS) {
    test(`persistent keepalives of the foreign peer are taken, and are no packets, when ${dialler} dialled`, () =>
      withTunnel(Foreign, { dialler, faults: {}, foreignKeepalive: 1 }, async (tunnel) => {
        const { ours, relay } = tunnel
        await echoBothWays(tunnel)
        const direction = dialler === 'warren' ? relay.toClient : relay.toServer
        const before = {
          ...ours.peer.stats(),
          seen: direction.keepalives,
          delivered: ours.delivered,
          at: performance.now(),
        }
        await until(() => direction.keepalives >= before.seen + 3)
        assert.ok(performance.now() - before.at > 1_000, 'three keepalives a second apart came at once')
        await until(() => ours.peer.stats().datagramsReceived >= before.datagramsReceived + 3)
        assert.equal(ours.delivered, before.delivered)
        assert.equal(ours.peer.stats().packetsReceived, before.packetsReceived)
        await echoBothWays(tunnel)
      }))

    test(`persistent keepalives of warren are taken by the foreign peer, when ${dialler} dialled`, () =>
      withTunnel(Foreign, { dialler, faults: {}, keepalive: 1 }, async (tunnel) => {
        const { foreign, ours, relay } = tunnel
        await echoBothWays(tunnel)
        const direction = dialler === 'warren' ? relay.toServer : relay.toClient
        const before = { ...(await foreign.configuration()), seen: direction.keepalives, at: performance.now() }
        const initiations = ours.device.stats().initiationsSent
        await until(() => direction.keepalives >= before.seen + 3)
        assert.ok(performance.now() - before.at > 1_000, 'three keepalives a second apart came at once')
        if (Foreign.countsKeepalives) {
          await until(async () => Number((await foreign.configuration()).rx_bytes) >= Number(before.rx_bytes) + 3 * 32)
        }
        assert.equal(ours.device.stats().initiationsSent, initiations)
        await echoBothWays(tunnel)
      }))
  }

  test('keepalives of both ends do not make competing sessions', () =>
    withTunnel(Foreign, { dialler: 'warren', keepalive: 1, foreignKeepalive: 1 }, async (tunnel) => {
      await echoBothWays(tunnel)
      await wait(8_000)
      assert.equal(tunnel.ours.sessions.length, 1)
      assert.equal(tunnel.ours.device.stats().initiationsSent, 1)
      await echoBothWays(tunnel)
    }))

  test('data that warren does not answer brings a keepalive from warren, and no handshake of either', () =>
    withTunnel(Foreign, { dialler: DIALLERS[1], faults: {} }, async (tunnel) => {
      const { foreign, ours, relay } = tunnel
      await echoBothWays(tunnel)
      // The last echo came from the foreign peer, so warren owes a keepalive: then nobody owes anything. A handshake that
      // wireguard-go repeats is over by then, too.
      await until(() => relay.toClient.keepalives > 0 && performance.now() - ours.sessions.at(-1) > 7_000)
      const before = { sessions: ours.sessions.length, keepalives: relay.toClient.keepalives }
      ours.answers = false
      await assert.rejects(foreign.ping(OURS[0], { timeout: 14_000 }), /no echo/)
      ours.answers = true
      assert.equal(relay.toClient.keepalives, before.keepalives + 1)
      await wait(4_000)
      assert.equal(ours.sessions.length, before.sessions)
      assert.equal(ours.device.stats().initiationsSent, 0)
      await echoBothWays(tunnel)
    }))

  test('data that the foreign peer does not answer brings a keepalive from it, and no handshake from warren', () =>
    withTunnel(Foreign, { dialler: 'warren', faults: {} }, async (tunnel) => {
      const { foreign, ours, relay } = tunnel
      await echoBothWays(tunnel)
      await foreign.receive(`${FOREIGN[0]}:9`)
      // boringtun-cli sends none for data that came in the same 250 ms as it sent something itself (noise/timers.rs).
      await wait(600)
      const before = relay.toClient.keepalives
      ours.say(FOREIGN[0])
      await until(() => relay.toClient.keepalives > before, 14_000)
      await wait(6_000)
      assert.equal(ours.device.stats().initiationsSent, 1)
      await echoBothWays(tunnel)
    }))
}
