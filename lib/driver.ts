/**
 * The seam between the API and an engine with its I/O.
 *
 * Both drivers run the same engine. They differ in who owns the sockets and the clock: a native thread (`drivers/native.ts`),
 * or this process's event loop (`drivers/script.ts`). Ids are numbers; nothing here decides anything. Its commands, its events
 * (`Receiver`) and its figures are in `generated`.
 */

import type { Commands } from './generated/commands.js'
import type { DeviceFigures } from './generated/figures.js'
import type { EngineOptions, ListenOptions } from './generated/objects.js'
import type { CloseCause, ClosedBy, Receiver } from './generated/records.js'

export type {
  DriverLane,
  DriverPeer,
  DriverPeerChanges,
  DriverProtocols,
  EngineOptions,
  ListenOptions,
} from './generated/objects.js'
export type { DialRefusal, Outcome, PeerLists, Receiver } from './generated/records.js'

/** Opens an engine with its sockets bound. Rejects with a `WarrenError`. */
export type OpenDriver = (options: DriverOptions, receiver: Receiver) => Promise<Driver>

/** All values are parsed and checked. */
export interface DriverOptions extends EngineOptions {
  readonly listen: ListenOptions
}

/** An engine with its sockets: its commands, and what is a driver's own. */
export interface Driver extends Commands {
  readonly address: { readonly host: string; readonly port: number }

  /** Figures of the device by name, with the errors of its sockets. */
  stats(): DeviceFigures & SocketErrors

  /** Tells every peer, flushes, frees the port, joins the thread. Idempotent. */
  close(code: number, reason: string): Promise<void>
  ref(): void
  unref(): void
}

/** Errors of a device's sockets. */
export interface SocketErrors {
  /**
   * Number of datagrams that the system refused to send, and of reads that it refused, by the error's code, as `sendErrorENETUNREACH`.
   * A counter, absent until it happened.
   */
  readonly [counter: `sendError${string}` | `receiveError${string}`]: number | undefined
}

export interface DriverClose {
  readonly by: ClosedBy
  readonly code: number
  /** As it can be shown; `rawReason` is what came, where that differs. */
  readonly reason: string
  readonly rawReason?: string | undefined
  readonly cause: CloseCause
  /** Protocols that the peer would accept, where it refused a dial for the lists. */
  readonly accepts?: readonly string[] | undefined
}

/** The code of a stream that is destroyed, which the peer is told: Node's `destroy` has no number to pass. */
export const NO_CODE = 0
