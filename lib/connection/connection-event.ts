import { channel } from 'node:diagnostics_channel'
import type { CloseReason } from '../arguments/close.js'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'
import type { Connection } from './connection.js'

/** What became of a connection. */
export type ConnectionEvent =
  /** It is up. */
  | { readonly type: 'open'; readonly connection: Connection }
  /** It is over, after so many milliseconds. */
  | {
      readonly type: 'close'
      readonly connection: Connection
      readonly reason: CloseReason
      readonly lastedMs: number
    }

/** Publishes to whoever subscribed to `warren:connection` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishConnection(device: PublicKey, event: ConnectionEvent): void {
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ device, event })
  log.connection?.(`${brief(device)} ↔ ${brief(event.connection.peer.publicKey)} ${lineOf(event)}`)
}

function lineOf(event: ConnectionEvent): string {
  const { protocol, initiator } = event.connection
  if (event.type === 'open') return `up, ${JSON.stringify(protocol)}, dialled by the ${sideOf(initiator)}`
  const { by, code, reason, error } = event.reason
  const why = error === undefined ? `code ${code} '${reason}'` : error.code
  return `over after ${event.lastedMs.toFixed(0)} ms, ${JSON.stringify(protocol)}, ended by the ${sideOf(by)}: ${why}`
}

function sideOf(by: CloseReason['by']): string {
  return by === 'network' ? 'network' : `${by} end`
}

const CHANNEL = channel('warren:connection')
