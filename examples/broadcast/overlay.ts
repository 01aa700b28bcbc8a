import type { Connection, Device } from 'warren'
import type { Registry } from './registry.js'

/** Links that a node dials. Others dial it, so most nodes have twice as many. */
const LINKS = 2

/** For one node that is in the registry and perhaps no longer alive. */
const DIAL_TIMEOUT_MS = 1_000

/**
 * Joins the overlay: stays connected with the two nodes that registered just before this one and answer.
 *
 * Take the nodes in the order of the registry: each is linked to the two before it. When any one node dies, the nodes
 * before and after it are still linked to each other, so the rest stays connected. A node that comes later links itself
 * to the end of the same chain, by the same rule. The other direction needs no code at all: who dials is authorised by
 * the registry, and appears in the event 'connection'. Nor does what follows later: `connect: true` has the device dial
 * again whatever is lost.
 *
 * Resolves to how long each handshake took, in milliseconds.
 */
export async function joinOverlay(device: Device, registry: Registry): Promise<number[]> {
  const entries = await registry.entries()
  const own = entries.findIndex((entry) => entry.publicKey === device.publicKey)
  const earlier = entries.slice(0, own)
  const handshakes: number[] = []
  while (handshakes.length < LINKS) {
    const entry = earlier.pop()
    if (entry === undefined) break
    const peer = device.addPeer({ ...entry, connect: true })
    const started = performance.now()
    const connection = await peer.connect({ timeout: DIAL_TIMEOUT_MS }).catch(() => undefined)
    if (connection === undefined) await peer.remove()
    else handshakes.push(performance.now() - started)
  }
  return handshakes
}

/** Two neighbours at least, or all there are. */
export function isLinked(connections: ReadonlySet<Connection>, nodes: number): boolean {
  return connections.size >= Math.min(LINKS, nodes - 1)
}
