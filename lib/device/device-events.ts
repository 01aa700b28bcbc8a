import type { CloseReason } from '../arguments/close.js'
import type { Connection } from '../connection/connection.js'
import type { WarrenError } from '../errors.js'
import type { PeerEvent } from '../peer/peer-event.js'

/** Events of a device. */
export interface DeviceEvents {
  /** A connection that is up, once for each, whoever dialled. Those that came before the first listener wait for it. */
  connection: [connection: Connection]
  /** A connection that is over, once for each that 'connection' told of, after that; or that was dialled here and ended before. */
  connectionClose: [connection: Connection, reason: CloseReason]
  /** Something that became of a peer or a stranger: `event.type` tells which. */
  peer: [event: PeerEvent]
  /** The fault by which this device is broken for good; never a peer's doing. */
  error: [error: WarrenError]
  /** The end of the device. `device.closed` gives the same. */
  close: [reason: CloseReason]
}
