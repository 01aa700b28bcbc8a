import { channel } from 'node:diagnostics_channel'
import type { CloseReason } from '../arguments/close.js'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'

/** Facts of a connection that its line in the log names. */
export interface NamedConnection {
  readonly peer: { readonly publicKey: PublicKey }
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
}

/** Beginning or end of a connection of type `C`, which lasted for so many milliseconds. */
export type ConnectionEvent<C> =
  | { readonly type: 'open'; readonly connection: C }
  | { readonly type: 'close'; readonly connection: C; readonly reason: CloseReason; readonly lastedMs: number }

/** Publishes to whoever subscribed to `warren:connection` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishConnection(device: PublicKey, event: ConnectionEvent<NamedConnection>): void {
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ device, event })
  log.connection?.(`${brief(device)} ↔ ${brief(event.connection.peer.publicKey)} ${lineOf(event)}`)
}

function lineOf(event: ConnectionEvent<NamedConnection>): string {
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
