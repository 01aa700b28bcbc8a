import { channel } from 'node:diagnostics_channel'
import type { Connection } from '../connection/connection.js'
import type { PublicKey } from '../keys.js'
import type { Outcome } from './message.js'

/**
 * Why a message was dropped. 'queue-full': no room in `limits.queuedBytes` or `limits.queuedBytesPerPeer`. 'lane-full': its lane, of
 * a policy other than 'wait', gave it up. 'patience': that of its broadcast ended. 'refused': it is longer than the peer takes (in a
 * lane of another policy this is 'lane-full' too). 'changed': its memory was transferred or resized before it was admitted.
 */
export type DropReason = 'queue-full' | 'lane-full' | 'patience' | 'refused' | 'changed'

/** A message that was sent has ended. */
export interface MessageSettled {
  readonly type: 'settled'
  readonly connection: Connection
  readonly priority: number
  readonly bytes: number
  readonly outcome: Outcome
  /** Of one that was 'dropped'. */
  readonly reason: DropReason | undefined
}

/** Publishes to whoever subscribed to `warren:message` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishMessage(
  device: PublicKey,
  connection: Connection,
  priority: number,
  bytes: number,
  outcome: Outcome,
  reason: DropReason | undefined,
): void {
  if (!CHANNEL.hasSubscribers) return
  const event: MessageSettled = { type: 'settled', connection, priority, bytes, outcome, reason }
  CHANNEL.publish({ device, event })
}

const CHANNEL = channel('warren:message')
