import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packetsFor } from '../stream.mjs'
import { DIALLERS, FOREIGN, fromWarren, OURS, toWarren, withTunnel } from '../tunnel.mjs'

const PACKETS = packetsFor(64 << 20)
const BAD_NETWORK = { loss: 0.01, reorder: 0.01, duplicate: 0.01 }

/** 64 MiB of UDP inside the tunnel in each direction, every byte compared. */
export function transfer(Foreign) {
  for (const [dialler, host, ip] of [
    [DIALLERS[0], '127.0.0.1', 0],
    [DIALLERS[1], '::1', 1],
  ]) {
    const inside = ['IPv4', 'IPv6'][ip]
    for (const driver of ['native', 'script']) {
      test(`64 MiB each way over ${inside} arrive whole, ${dialler} dials over ${host}, ${driver} driver`, () =>
        withTunnel(Foreign, { dialler, host, driver }, async (tunnel) => {
          await firstEcho(tunnel, dialler)
          const whole = { arrived: PACKETS, doubled: 0, altered: 0 }
          assert.deepEqual(await fromWarren(tunnel, { ip, packets: PACKETS }), whole)
          assert.deepEqual(await toWarren(tunnel, { ip, packets: PACKETS }), whole)
        }))
    }

    test(`64 MiB each way over ${inside} past 1 % loss, reordering and doubling lack what the network lost, ${dialler} dials over ${host}`, () =>
      withTunnel(Foreign, { dialler, host, faults: { ...BAD_NETWORK, seed: 7 } }, async (tunnel) => {
        const { relay } = tunnel
        await firstEcho(tunnel, dialler)
        const [out, back] = dialler === 'warren' ? [relay.toServer, relay.toClient] : [relay.toClient, relay.toServer]
        for (const [direction, pass] of [
          [out, fromWarren],
          [back, toWarren],
        ]) {
          const { arrived, doubled, altered } = await pass(tunnel, {
            ip,
            packets: PACKETS,
            lost: () => direction.lostLarge,
          })
          const lost = PACKETS - arrived
          assert.deepEqual({ lost, doubled, altered }, { lost: direction.lostLarge, doubled: 0, altered: 0 })
          assert.ok(lost > PACKETS * 0.007 && lost < PACKETS * 0.013, `the network lost ${lost} of ${PACKETS}`)
          assert.ok(direction.heldBack > PACKETS * 0.005 && direction.doubled > PACKETS * 0.005)
        }
        assert.ok(tunnel.ours.device.stats().receiveDroppedReplayed > 0)
      }))
  }
}

/** A lost handshake message is sent again after 5 s. */
async function firstEcho({ foreign, ours }, dialler) {
  if (dialler === 'warren') await ours.ping(FOREIGN[0], { timeout: 20_000 })
  else await foreign.ping(OURS[0], { timeout: 20_000 })
}
