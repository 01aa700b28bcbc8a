import type { SocketErrors } from '../driver.js'
import {
  type ConnectionFigures,
  type DeviceFigures,
  NO_CONNECTION_FIGURES,
  NO_DEVICE_FIGURES,
  NO_PEER_FIGURES,
  type PeerFigures,
} from '../generated/figures.js'
import type { ProtocolStats } from '../versions/protocol-totals.js'
import type { LaneStats } from './lane-stats.js'

/** Figures of a device; once it is closed all are 0. `docs/figures.md` lists them. */
export interface DeviceStats extends DeviceFigures, SocketErrors {
  /** Bytes of messages and streams that were admitted and wait to leave. A level. */
  readonly queuedBytes: number
  /** Number of messages passed over because nobody read them after their connection had ended. A counter. */
  readonly leftBehindMessages: number
  /** Number of times that `authorize` threw, rejected or answered with what is no answer. A counter. */
  readonly failedAuthorizations: number
  /** Number of peers let in by `authorize` and forgotten after `forgetAfter`. A counter. */
  readonly peersForgotten: number
  /** Number of peers let in by `authorize` that gave way to newcomers for want of room. A counter. */
  readonly peersDisplaced: number
  /** Number of peers turned away because their address has its share of connections. A counter. */
  readonly peersOverAddress: number
  /** Figures of each application protocol that was spoken or refused, by name. */
  readonly protocols: readonly ProtocolStats[]
  /** Figures of each priority that was sent with, lowest first: sums over all connections, past ones included. */
  readonly lanes: readonly LaneStats[]
}

/** Figures of a peer; once it is removed all are 0. `docs/figures.md` lists them. */
export interface PeerStats extends PeerFigures {
  /** Figures of each priority that was sent with, lowest first: sums over the peer's connections, past ones included. */
  readonly lanes: readonly LaneStats[]
}

/** Figures of a connection; once it is over all are 0. `docs/figures.md` lists them. */
export interface ConnectionStats extends ConnectionFigures {
  /** Figures of each priority that was sent with, lowest first. */
  readonly lanes: readonly LaneStats[]
}

/** Figures of a device that is closed. */
export const NO_DEVICE_STATS: DeviceStats = {
  ...NO_DEVICE_FIGURES,
  queuedBytes: 0,
  leftBehindMessages: 0,
  failedAuthorizations: 0,
  peersForgotten: 0,
  peersDisplaced: 0,
  peersOverAddress: 0,
  protocols: [],
  lanes: [],
}

/** Figures of a peer that was removed. */
export const NO_PEER_STATS: PeerStats = { ...NO_PEER_FIGURES, lanes: [] }

/** Figures of a connection that is over. */
export const NO_CONNECTION_STATS: ConnectionStats = { ...NO_CONNECTION_FIGURES, lanes: [] }
