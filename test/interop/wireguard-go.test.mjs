// A real foreign peer: userspace wireguard-go exchanges ICMP echo with a warren device through the bare tunnel.
// All at once, since most of it is waiting for WireGuard's own timers.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { WarrenEnd } from './warren-end.mjs'
import { keyPair, missingWireguardGo, WireguardGo } from './wireguard-go.mjs'

const skip = missingWireguardGo()
const FOREIGN = ['10.7.0.1', 'fd77::1']
const OURS = ['10.7.0.2', 'fd77::2']

describe('with wireguard-go', { skip, concurrency: true }, () => {
  for (const driver of ['native', 'script']) {
    test(`the ${driver} driver dials it: echo both ways`, () =>
      withTunnel({ dialler: 'warren', driver }, async (foreign, ours) => {
        await echoBothWays(foreign, ours)
        assert.ok(ours.answered > 0)
      }))

    test(`it dials the ${driver} driver: echo both ways`, () =>
      withTunnel({ dialler: 'wireguard-go', driver }, echoBothWays))
  }

  test('a pre-shared key of both ends is used', () =>
    withTunnel({ dialler: 'warren', presharedKey: randomBytes(32).toString('base64') }, echoBothWays))

  test('with another pre-shared key nothing passes', () =>
    withTunnel(
      { dialler: 'warren', presharedKey: randomBytes(32).toString('base64'), foreignKey: '' },
      async (foreign, ours) => {
        await assert.rejects(ours.ping(FOREIGN[0], { timeout: 2_000 }), /no echo/)
        assert.equal(foreign.handshakes, 0)
      },
    ))

  test('a packet from an address that is not its own is dropped', () =>
    withTunnel({ dialler: 'wireguard-go', allowedIPs: ['10.7.0.1/32'] }, async (foreign, ours) => {
      await foreign.ping(OURS[0])
      await assert.rejects(foreign.ping(OURS[1], { timeout: 1_000 }), /no echo/)
      assert.ok(ours.device.stats().receiveDroppedWrongSource > 0)
    }))

  test('dialling a connection through it fails clearly', () =>
    withTunnel({ dialler: 'warren' }, async (_, ours) => {
      await ours.ping(FOREIGN[0])
      await assert.rejects(ours.peer.connect({ timeout: 2_000 }), { code: 'ERR_WARREN_NO_TRANSPORT' })
      await ours.ping(FOREIGN[1])
    }))

  test('it restarts and dials again: echo both ways', () =>
    withTunnel({ dialler: 'wireguard-go' }, async (foreign, ours) => {
      await echoBothWays(foreign, ours)
      await foreign.restart()
      await foreign.ping(OURS[0], { timeout: 12_000 })
      await echoBothWays(foreign, ours)
    }))

  test('it restarts and waits to be dialled: unanswered echo brings a new handshake', () =>
    withTunnel({ dialler: 'warren' }, async (foreign, ours) => {
      await echoBothWays(foreign, ours)
      await foreign.restart()
      // KEEPALIVE_TIMEOUT + REKEY_TIMEOUT without an answer, and a retry where its flood limit drops the first attempt.
      await eventually(() => ours.ping(FOREIGN[0], { timeout: 1_000 }), 25_000)
      await echoBothWays(foreign, ours)
    }))

  test('warren restarts and dials again: echo both ways', () =>
    withTunnel({ dialler: 'warren' }, async (foreign, ours, reopen) => {
      await echoBothWays(foreign, ours)
      await ours.close()
      const again = await reopen(ours.port)
      await again.ping(FOREIGN[0], { timeout: 12_000 })
      await echoBothWays(foreign, again)
    }))

  for (const dialler of ['warren', 'wireguard-go']) {
    test(`no echo is lost when ${dialler}, who dialled, renews the keys after two minutes`, () =>
      withTunnel({ dialler }, async (foreign, ours) => {
        const renewed = () => foreign.handshakes >= 2 && ours.events.some(({ type }) => type === 'rekeyed')
        const began = performance.now()
        let sent = 0
        // A packet for a peer that has no endpoint yet is dropped, as by the kernel: who dials speaks first.
        await echoBothWays(foreign, ours)
        while (!renewed() && performance.now() - began < 150_000) {
          await Promise.all([foreign.ping(OURS[sent % 2]), ours.ping(FOREIGN[sent % 2])])
          sent++
          await wait(250)
        }
        const seconds = (performance.now() - began) / 1000
        assert.ok(renewed(), `no new keys after ${seconds} s: ${foreign.handshakes} handshakes`)
        // REKEY_AFTER_TIME
        assert.ok(seconds > 115, `the keys were renewed after ${seconds} s already`)
        await echoBothWays(foreign, ours)
      }))
  }
})

/** A tunnel between a wireguard-go device and a warren device, ended however `use` ends. */
async function withTunnel({ dialler, driver, presharedKey, foreignKey = presharedKey, allowedIPs }, use) {
  const keys = { foreign: keyPair(), ours: keyPair() }
  const ends = []
  let story = () => ''
  const openForeign = async (endpoint) => {
    const foreign = await WireguardGo.start({
      privateKey: keys.foreign.privateKey,
      peer: keys.ours.publicKey,
      addresses: FOREIGN,
      allowedIPs: ['10.7.0.2/32', 'fd77::2/128'],
      ...(endpoint && { endpoint }),
      ...(foreignKey && { presharedKey: foreignKey }),
    })
    ends.push(() => foreign.stop())
    return foreign
  }
  const openOurs = async (port, endpoint) => {
    const ours = await WarrenEnd.open({
      privateKey: keys.ours.privateKey,
      listen: { host: '127.0.0.1', port },
      driver,
      addresses: OURS,
      peer: {
        publicKey: keys.foreign.publicKey,
        endpoint,
        presharedKey,
        allowedIPs: allowedIPs ?? ['10.7.0.1/32', 'fd77::1/128'],
      },
    })
    ends.push(() => ours.close())
    story = () => ours.story()
    return ours
  }
  try {
    if (dialler === 'warren') {
      const foreign = await openForeign()
      const endpoint = `127.0.0.1:${foreign.port}`
      await use(foreign, await openOurs(0, endpoint), (port) => openOurs(port, endpoint))
    } else {
      const ours = await openOurs(0)
      await use(await openForeign(`127.0.0.1:${ours.port}`), ours)
    }
  } catch (error) {
    error.message += `\n${story()}`
    throw error
  } finally {
    await Promise.all(ends.map((end) => end()))
  }
}

/** Who dialled speaks first: the other may have no endpoint. Up to a full packet of 1420 bytes. */
async function echoBothWays(foreign, ours) {
  const pings = [(to, size) => foreign.ping(OURS[to], { size }), (to, size) => ours.ping(FOREIGN[to], { size })]
  if (ours.peer.endpoint !== undefined) pings.reverse()
  for (const ping of pings) {
    for (const size of [0, 56, 1372]) {
      await ping(0, size)
      await ping(1, size)
    }
  }
}

async function eventually(attempt, within) {
  const end = performance.now() + within
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
