import { spellEndpoint } from '../arguments/endpoint.js'
import type { ConnectionReceiver } from '../connection/connection.js'
import { ConnectionRoutes } from '../connection/connection-routes.js'
import { inContextOf, streamReset, streamStopped } from '../connection/connection-streams.js'
import { DialRoutes } from '../dial/dial-routes.js'
import { Unconfirmed } from '../dial/unconfirmed.js'
import type { DriverClose, PeerLists, Receiver } from '../driver.js'
import type { Peer } from '../peer/peer.js'
import type { PeerReceiver } from '../peer/peer-host.js'
import type { StreamSides } from '../streams/stream.js'
import { printable } from './printable.js'

/** Peers, connections and dials of a device, by the ids of its driver. */
export class Routes {
  readonly peers = new Map<number, PeerReceiver<Peer>>()
  readonly connections = new ConnectionRoutes()
  readonly dials = new DialRoutes()
  readonly unconfirmed = new Unconfirmed()
}

/** Receiver of events that concern the device as a whole. */
export interface DeviceReceiver {
  connected(
    connection: number,
    peer: PeerReceiver<Peer>,
    initiator: 'local' | 'remote',
    protocol: string,
    theirs: PeerLists,
  ): void
  connectionClosed(connection: number, close: DriverClose): void
  stranger(publicKey: string, endpoint: string): void
  strangerGone(publicKey: string): void
  failed(message: string): void
}

/** Gives each event of a driver to whom it concerns. One for what is gone already goes nowhere. */
export function receiverOf(
  { peers, connections, unconfirmed }: Routes,
  device: () => DeviceReceiver | undefined,
): Receiver {
  const { streams } = connections
  const toStream = (stream: number, tell: (sides: StreamSides) => void): void => {
    const found = streams.get(stream)
    if (found !== undefined) inContextOf(found, tell)
  }
  const live = (connection: number): ConnectionReceiver | undefined => {
    unconfirmed.confirmed(connection)
    return connections.get(connection)
  }
  return {
    peerUp: (peer, handshakeMs, endpoint) => peers.get(peer)?.up(handshakeMs, endpoint && spellEndpoint(endpoint)),
    peerRekeyed: (peer) => peers.get(peer)?.rekeyed(),
    peerMoved: (peer, from, to) => peers.get(peer)?.moved(from && spellEndpoint(from), spellEndpoint(to)),
    peerUnanswered: (peer, to) => peers.get(peer)?.unanswered(spellEndpoint(to)),
    peerUnreachable: (peer, to, errno) => peers.get(peer)?.unreachable(spellEndpoint(to), errno),
    peerOversized: (peer, length) => peers.get(peer)?.oversized(length),
    peerDown: (peer, reason) => peers.get(peer)?.down(reason),
    packet: (peer, packet) => peers.get(peer)?.packet(packet),

    stranger: (publicKey, endpoint) => device()?.stranger(publicKey, spellEndpoint(endpoint)),
    strangerGone: (publicKey) => device()?.strangerGone(publicKey),
    failed: (message) => device()?.failed(message),

    early: (connection, peer, protocol) => peers.get(peer)?.early(connection, protocol),
    connected: (connection, peer, initiator, protocol, theirs) => {
      const receiver = peers.get(peer)
      if (receiver === undefined) return
      const tell = (): void => device()?.connected(connection, receiver, initiator, protocol, theirs)
      if (initiator === 'local' && receiver.hasCurrent(protocol)) unconfirmed.hold(connection, tell)
      else tell()
    },
    confirmed: (connection) => unconfirmed.confirmed(connection),
    announced: (connection, theirs) => live(connection)?.announced(theirs),
    finished: (connection) => live(connection)?.finished(),
    dialRefused: (peer, why, offered, chosen) => peers.get(peer)?.dialRefused({ why, offered, chosen }),
    connectionClosed: (connection, by, cause, code, reason, accepts) => {
      unconfirmed.delete(connection)
      device()?.connectionClosed(connection, { by, cause, code, accepts, ...shown(reason) })
    },
    datagram: (connection, bytes) => live(connection)?.datagram(bytes),
    message: (connection, priority, bytes) => live(connection)?.message(priority, bytes),
    laneDrained: (connection, priority, bytes) => live(connection)?.laneDrained(priority, bytes),
    messageSettled: (connection, message, outcome) => live(connection)?.messageSettled(message, outcome),

    streamOpened: (connection, stream, bidirectional, priority, name) =>
      live(connection)?.streamOpened(stream, bidirectional, priority, name),
    streamData: (stream, chunk, pieces) => toStream(stream, ({ read }) => read?.data(chunk, pieces)),
    streamEnd: (stream) => toStream(stream, ({ read }) => read?.end()),
    streamReset: (stream, code) => toStream(stream, (sides) => streamReset(sides, code)),
    streamStopped: (stream, code, whole) => toStream(stream, (sides) => streamStopped(sides, code, whole)),
    streamDrained: (stream, bytes) => toStream(stream, ({ write }) => write?.drained(bytes)),
    streamFinished: (stream) => toStream(stream, ({ write }) => write?.acknowledged()),
  }
}

function shown(raw: string): Pick<DriverClose, 'reason' | 'rawReason'> {
  const reason = printable(raw)
  return reason === raw ? { reason } : { reason, rawReason: raw }
}
