import { flag, integer, optional, parseOptions, signal } from '../arguments/options.js'
import { protocols } from '../versions/protocols.js'
import { LONGEST_TIMER } from '../waiting/clock.js'

/** Options of `connect`. */
export interface ConnectOptions {
  /** Application protocols to offer, best first. Default: the device's. */
  readonly protocols?: readonly string[] | undefined
  /** Milliseconds, all of which are used to try again. Default 10,000. */
  readonly timeout?: number | undefined
  /** Gives the dial up when it aborts, for this call alone. Default: none. */
  readonly signal?: AbortSignal | undefined
  /**
   * Gives the connection as soon as the tunnel is up, where one protocol alone can come of the dial: what is sent at once leaves with it,
   * and an answer is there a round trip sooner. `connection.confirmed` tells whether the peer took the connection. Default false.
   */
  readonly early?: boolean | undefined
}

/** Checks the options of `connect`. */
export function parseConnect(options: ConnectOptions) {
  return parseOptions('options', options, CONNECT_CHECKS)
}

const CONNECT_CHECKS = {
  protocols: optional(protocols, undefined),
  timeout: optional(integer(1, LONGEST_TIMER, 'milliseconds'), 10_000),
  signal: optional(signal, undefined),
  early: optional(flag, false),
}
