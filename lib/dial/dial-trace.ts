import { tracingChannel } from 'node:diagnostics_channel'
import type { Connection } from '../connection/connection.js'
import type { PublicKey } from '../keys.js'

/** One wait for a connection, as the tracing channel `warren:dial` tells of it. */
export interface DialTrace {
  /** The public key of the device that dials. */
  readonly device: PublicKey
  /** The public key of the peer. */
  readonly publicKey: PublicKey
  /**
   * The reason to dial: a call of `peer.connect()`, a connection that was lost, the order to stay connected, a move to another version,
   * or a dial of the peer's that led to a protocol which this end dials.
   */
  readonly by: DialledBy
  /** Protocols that are offered, best first. */
  readonly protocols: readonly string[]
  /** Milliseconds that the call waits at most. */
  readonly timeout: number
  /** The connection, where the dial succeeded. */
  readonly result?: Connection
  /** The reason of its failure, where it failed. */
  readonly error?: unknown
}

export type DialledBy = 'connect' | 'redial' | 'stay-connected' | 'move' | 'peer-asked'

/** Runs a dial as a trace of `tracing:warren:dial:*`, if somebody subscribed to one of these; costs a look otherwise. */
export function traced<C>(trace: DialTrace, dial: () => Promise<C>): Promise<C> {
  return CHANNEL.hasSubscribers ? CHANNEL.tracePromise(dial, trace) : dial()
}

const CHANNEL = tracingChannel<unknown, DialTrace>('warren:dial')
