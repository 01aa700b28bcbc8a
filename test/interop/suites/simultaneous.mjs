import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { BOTH, echoBothWays, FOREIGN, OURS, withTunnel } from '../tunnel.mjs'

/** Both know the other's endpoint, and speak in the same instant, so that their initiations pass each other. */
export function simultaneous(Foreign) {
  for (const round of [1, 2, 3]) {
    test(`both dial in the same instant over a link of 20 ms: every echo is answered, nobody waits for a retry (${round})`, () =>
      withTunnel(Foreign, { dialler: BOTH, faults: { delay: 20 } }, async (tunnel) => {
        const { foreign, ours } = tunnel
        const patience = { timeout: 30_000 }
        const took = await Promise.all([foreign.ping(OURS[0], patience), ours.ping(FOREIGN[0], patience)])
        // REKEY_TIMEOUT, after which an initiation is repeated
        assert.ok(Math.max(...took) < 5_000, `the first echoes took ${took.join(' and ')} ms`)
        for (let i = 0; i < 40; i++) {
          await Promise.all([foreign.ping(OURS[i % 2], patience), ours.ping(FOREIGN[i % 2], patience)])
          await wait(200)
        }
        assert.ok(ours.device.stats().initiationsSent <= 1)
        await echoBothWays(tunnel)
      }))
  }
}
