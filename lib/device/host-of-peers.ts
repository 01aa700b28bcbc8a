import type { Message } from '../connection/connection.js'
import type { LaneTotals } from '../figures/lane-totals.js'
import type { DeviceInbox } from '../inbox/device-inbox.js'
import type { PublicKey } from '../keys.js'
import type { PeerEvent } from '../peer/peer-event.js'
import type { PeerHost } from '../peer/peer-host.js'
import type { Routes } from './routes.js'
import type { Strangers } from './strangers.js'

/** State of a device that its peers have a part in. */
export interface PeerTables {
  readonly routes: Routes
  readonly inbox: DeviceInbox<Message>
  readonly lanes: LaneTotals
  readonly strangers: Strangers
  readonly peers: Map<PublicKey, unknown>
  /** Keys of those that are being removed. */
  readonly leaving: Set<PublicKey>
}

/** The link from all peers of a device to it: one, so that a peer has none of its own. */
export function hostOfPeers(tables: PeerTables, event: (event: PeerEvent) => void): PeerHost {
  const { routes, inbox, lanes, strangers, peers, leaving } = tables
  return {
    connections: routes.connections,
    dials: routes.dials,
    inbox,
    lanes,
    event,
    entered: (publicKey) => strangers.entered(publicKey),
    left: (publicKey) => strangers.left(publicKey),
    leaving: (publicKey) => {
      strangers.delete(publicKey)
      leaving.add(publicKey)
    },
    removed: (publicKey, id) => {
      leaving.delete(publicKey)
      peers.delete(publicKey)
      routes.peers.delete(id)
    },
  }
}
