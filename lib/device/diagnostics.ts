import type { Connection } from '../connection/connection.js'
import type { ConnectionEvent } from '../connection/connection-event.js'
import type { MessageSettled } from '../connection/message-event.js'
import type { DropEvent } from '../events/drop.js'
import type { PublicKey } from '../keys.js'
import type { HandshakeEvent } from '../peer/handshake-event.js'
import type { PeerEvent } from '../peer/peer-event.js'
import type { StreamEvent } from '../streams/stream-event.js'

/** The messages of each channel of `node:diagnostics_channel`; of the tracing channel `warren:dial` they are `DialTrace`. */
export interface Diagnostics {
  readonly 'warren:peer': Happened<PeerEvent>
  readonly 'warren:handshake': Happened<HandshakeEvent>
  readonly 'warren:connection': Happened<ConnectionEvent<Connection>>
  readonly 'warren:stream': Happened<StreamEvent>
  readonly 'warren:message': Happened<MessageSettled<Connection>>
  readonly 'warren:drop': Happened<DropEvent>
}

/** A message on a channel: the public key of the device of this thread in which it happened, and what happened. */
export interface Happened<Event> {
  readonly device: PublicKey
  readonly event: Event
}
