import { accessSync, constants } from 'node:fs'
import { directPair, type Network, type Place, reasonAgainstNamespaces } from '../priority/network.js'
import type { Subject } from './pair.js'
import type { PathName } from './result.js'
import { openTunnel, type Tunnel } from './tunnel.js'

/** Where the two ends of a pair run, and the processes between them. */
export interface Site {
  readonly near: Place
  readonly far: Place
  readonly pids: readonly number[]
}

/** The sites of a run, made when they are first asked for. */
export class Sites {
  readonly #networks: Network[] = []
  readonly #tunnels: Tunnel[] = []
  readonly #made = new Map<string, Promise<Site>>()

  at(path: PathName, { tunnel }: Subject): Promise<Site> {
    if (path === 'loopback') return Promise.resolve(LOOPBACK)
    const name = tunnel ?? 'bare'
    const made = this.#made.get(name) ?? this.#make(tunnel)
    this.#made.set(name, made)
    return made
  }

  async close(): Promise<void> {
    await Promise.all(this.#tunnels.map((tunnel) => tunnel.close()))
    await Promise.all(this.#networks.map((network) => network.close()))
  }

  async #make(implementation: Subject['tunnel']): Promise<Site> {
    const network = await directPair()
    this.#networks.push(network)
    const [near, far] = network.places as [Place, Place]
    if (implementation === undefined) return { near, far, pids: [] }
    const tunnel = await openTunnel(implementation, near, far)
    this.#tunnels.push(tunnel)
    return tunnel
  }
}

/** Why there can be no link between namespaces here; undefined: there can. */
export async function reasonAgainstVeth(): Promise<string | undefined> {
  return await reasonAgainstNamespaces(directPair)
}

/** Why there can be no TUN device here; undefined: there can. */
export function reasonAgainstTunnels(): string | undefined {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return '/dev/net/tun cannot be opened (it needs root)'
  }
}

const LOOPBACK: Site = {
  near: { namespace: undefined, host: '127.0.0.1' },
  far: { namespace: undefined, host: '127.0.0.1' },
  pids: [],
}
