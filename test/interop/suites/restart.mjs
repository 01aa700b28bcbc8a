import { test } from 'node:test'
import { DIALLERS, echoBothWays, eventually, FOREIGN, OURS, withTunnel } from '../tunnel.mjs'

// Unanswered data brings a handshake after 15 s (KEEPALIVE_TIMEOUT + REKEY_TIMEOUT), and another 5 s later where the first
// comes so soon after the last one that it counts as a flood.
const NOTICED = 25_000
const DIALLED_AGAIN = 20_000

/** Either end forgets its sessions; whichever end speaks then, the tunnel heals. */
export function restart(Foreign) {
  for (const dialler of DIALLERS) {
    test(`the foreign peer restarts, ${dialler} had dialled: echo both ways`, () =>
      withTunnel(Foreign, { dialler }, async (tunnel) => {
        const { foreign, ours } = tunnel
        await echoBothWays(tunnel)
        await foreign.restart()
        if (dialler === 'warren') await eventually(() => ours.ping(FOREIGN[0], { timeout: 1_000 }), NOTICED)
        else await foreign.ping(OURS[0], { timeout: DIALLED_AGAIN })
        await echoBothWays(tunnel)
      }))

    test(`warren restarts, ${dialler} had dialled: echo both ways`, () =>
      withTunnel(Foreign, { dialler }, async (tunnel) => {
        await echoBothWays(tunnel)
        await tunnel.ours.close()
        const { foreign, ours } = await reopened(tunnel)
        if (dialler === 'warren') await ours.ping(FOREIGN[0], { timeout: DIALLED_AGAIN })
        else await eventually(() => foreign.ping(OURS[0], { timeout: 1_000 }), NOTICED)
        await echoBothWays(tunnel)
      }))
  }
}

async function reopened(tunnel) {
  await tunnel.reopen()
  return tunnel
}
