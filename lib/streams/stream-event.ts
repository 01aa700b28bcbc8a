import { channel } from 'node:diagnostics_channel'
import { brief, log } from '../events/log.js'
import type { PublicKey } from '../keys.js'
import type { AnyStream } from './stream.js'

/** Beginning or end of a stream. */
export type StreamEvent =
  /** It was opened, by this end or by the other. */
  | { readonly type: 'open'; readonly stream: AnyStream; readonly initiator: 'local' | 'remote' }
  /** It is over, well or with an error. */
  | { readonly type: 'close'; readonly stream: AnyStream; readonly error: Error | undefined }

/** Publishes to whoever subscribed to `warren:stream` with `node:diagnostics_channel`; costs a look otherwise. */
export function publishStream(device: PublicKey, id: number, makeEvent: () => StreamEvent): void {
  if (!CHANNEL.hasSubscribers && log.stream === undefined) return
  const event = makeEvent()
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ device, event })
  const { connection } = event.stream
  log.stream?.(`${brief(device)} ↔ ${brief(connection.peer.publicKey)} stream ${id} ${lineOf(event)}`)
}

function lineOf(event: StreamEvent): string {
  const { stream } = event
  if (event.type === 'open') {
    const name = stream.name === undefined ? '' : `, name ${JSON.stringify(stream.name)}`
    return `opened by the ${event.initiator} end, priority ${stream.priority}${name}`
  }
  const read = 'bytesRead' in stream ? `${stream.bytesRead} bytes read` : ''
  const written = 'bytesWritten' in stream ? `${stream.bytesWritten} bytes written` : ''
  const bytes = [read, written].filter(Boolean).join(', ')
  const { error } = event
  return `over, ${bytes}${error === undefined ? '' : `: ${'code' in error ? error.code : error.name}`}`
}

const CHANNEL = channel('warren:stream')
