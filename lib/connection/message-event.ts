import { channel } from 'node:diagnostics_channel'
import type { Outcome } from '../driver.js'
import type { PublicKey } from '../keys.js'
import type { DropReason } from '../outbox/drop-reason.js'

/** End of a message that was sent, on a connection of type `C`. */
export interface MessageSettled<C> {
  readonly type: 'settled'
  readonly connection: C
  readonly priority: number
  readonly bytes: number
  readonly outcome: Outcome
  /** Reason of one that was 'dropped'. */
  readonly reason: DropReason | undefined
}

/** Publishes to whoever subscribed to `warren:message` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishMessage<C>(
  device: PublicKey,
  connection: C,
  priority: number,
  bytes: number,
  outcome: Outcome,
  reason: DropReason | undefined,
): void {
  if (!CHANNEL.hasSubscribers) return
  const event: MessageSettled<C> = { type: 'settled', connection, priority, bytes, outcome, reason }
  CHANNEL.publish({ device, event })
}

const CHANNEL = channel('warren:message')
