import { tracingChannel } from 'node:diagnostics_channel'
import type { Connection } from '../connection/connection.js'
import type { PublicKey } from '../keys.js'

/** One wait for a connection, as the tracing channel `warren:dial` tells of it. */
export interface DialTrace {
  /** The public key of the device that dials. */
  readonly device: PublicKey
  /** That of the peer. */
  readonly publicKey: PublicKey
  /** Who wants it: a call of `peer.connect()`, a connection that was lost, or the order to stay connected. */
  readonly by: DialledBy
  /** What is offered, best first. */
  readonly protocols: readonly string[]
  /** Milliseconds. */
  readonly timeout: number
  /** What came of it: one of these two. */
  readonly result?: Connection
  readonly error?: unknown
}

export type DialledBy = 'connect' | 'redial' | 'stay-connected'

/** Runs a dial as a trace of `tracing:warren:dial:*`, if somebody subscribed to one of these; costs a look otherwise. */
export function traced(trace: DialTrace, dial: () => Promise<Connection>): Promise<Connection> {
  return CHANNEL.hasSubscribers ? CHANNEL.tracePromise(dial, trace) : dial()
}

const CHANNEL = tracingChannel<unknown, DialTrace>('warren:dial')
