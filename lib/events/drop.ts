import { channel } from 'node:diagnostics_channel'

/** A datagram or a raw packet that was dropped here. (What the engine drops of what comes in is counted: `device.stats()`.) */
export interface DropEvent {
  readonly type: 'datagram' | 'packet'
  readonly direction: 'in' | 'out'
  /** 'queue-full': too much waits to leave. 'closed': the connection, the peer or the device is over. 'no-listener': nobody took it. */
  readonly reason: 'queue-full' | 'closed' | 'no-listener'
  /** Key of the peer that it came from, or was for. */
  readonly publicKey: string
  readonly bytes: number
}

/** Publishes to whoever subscribed to `warren:drop` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishDrop(
  device: string,
  type: DropEvent['type'],
  direction: DropEvent['direction'],
  reason: DropEvent['reason'],
  publicKey: string,
  bytes: number,
): void {
  if (!CHANNEL.hasSubscribers) return
  const event: DropEvent = { type, direction, reason, publicKey, bytes }
  CHANNEL.publish({ device, event })
}

const CHANNEL = channel('warren:drop')
