import type { Socket } from 'node:dgram'
import timers from 'node:timers'
import { addon } from '../addon/addon.js'
import type { OpenDriver } from '../driver.js'
import { type Clock, systemClock } from '../waiting/clock.js'
import { bindUdp } from './bind-udp.js'

// Captured at import, as in `clock.ts`: fake timers that are installed later do not stop tunnels.
const { setImmediate } = timers

/** Surroundings of a device: time, and for the script driver the event loop and its sockets. Replaced only by tests. */
export interface World {
  readonly clock: Clock
  /** Milliseconds of the engine's clock, which also go on in a suspend. */
  uptime(): number
  /** Calls back in the next turn of the event loop. */
  soon(callback: () => void): void
  /** Binds a UDP socket. */
  bind(host: string | undefined, port: number): Promise<Socket>
  /** Opens a driver in the place of those there are. */
  readonly open?: OpenDriver | undefined
}

/** This machine. */
export const realWorld: World = {
  clock: systemClock,
  uptime: () => addon().uptime(),
  soon: (callback) => void setImmediate(callback),
  bind: bindUdp,
}

/** Key of the option by which a test gives a device another world. */
export const WORLD = Symbol('world')

/** The world that options name, or this machine. */
export function worldOf(options: object): World {
  return (options as { readonly [WORLD]?: World })[WORLD] ?? realWorld
}
