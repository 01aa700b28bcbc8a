import { spellEndpoint } from '../arguments/endpoint.js'
import type { Connection, ConnectionReceiver } from '../connection/connection.js'
import { inContextOf, streamReset, streamStopped } from '../connection/connection-streams.js'
import type { DialReceiver } from '../dial/dial.js'
import type { DriverClose, Receiver } from '../driver.js'
import { shielded } from '../events/emit.js'
import type { PeerReceiver } from '../peer/peer.js'
import type { StreamSides } from '../streams/stream.js'

/** What lives in a device, by the ids of its driver. */
export class Routes {
  readonly peers = new Map<number, PeerReceiver>()
  readonly connections = new Map<number, ConnectionReceiver>()
  /** Those and past ones, for whoever still knows them. */
  readonly receivers = new WeakMap<Connection, ConnectionReceiver>()
  /** Connections that are not up yet. */
  readonly dials = new Map<number, DialReceiver>()
  /** Dials that nobody waits for any more, until the driver reports their end. */
  readonly cancelled = new Set<number>()
  readonly streams = new Map<number, StreamSides>()
}

/** What concerns the device as a whole. */
export interface DeviceReceiver {
  connected(connection: number, peer: PeerReceiver, initiator: 'local' | 'remote', protocol: string): void
  connectionClosed(connection: number, close: DriverClose): void
  stranger(publicKey: string, endpoint: string): void
  strangerGone(publicKey: string): void
  failed(message: string): void
}

/** Gives each event of a driver to whom it concerns. One for what is gone already goes nowhere. */
export function receiverOf(
  { peers, connections, streams }: Routes,
  device: () => DeviceReceiver | undefined,
): Receiver {
  const toStream = (stream: number, tell: (sides: StreamSides) => void): void => {
    const found = streams.get(stream)
    if (found !== undefined) shielded(() => inContextOf(found, tell))
  }
  return {
    peerUp: (peer, handshakeMs) => shielded(() => peers.get(peer)?.up(handshakeMs)),
    peerRekeyed: (peer) => shielded(() => peers.get(peer)?.rekeyed()),
    peerMoved: (peer, from, to) =>
      shielded(() => peers.get(peer)?.moved(from && spellEndpoint(from), spellEndpoint(to))),
    peerUnanswered: (peer, attempt, to) => shielded(() => peers.get(peer)?.unanswered(attempt, spellEndpoint(to))),
    peerUnreachable: (peer, to, errno) => shielded(() => peers.get(peer)?.unreachable(spellEndpoint(to), errno)),
    peerOversized: (peer, length) => shielded(() => peers.get(peer)?.oversized(length)),
    peerDown: (peer, reason) => shielded(() => peers.get(peer)?.down(reason)),
    packet: (peer, packet) => shielded(() => peers.get(peer)?.packet(packet)),

    stranger: (publicKey, endpoint) => shielded(() => device()?.stranger(publicKey, spellEndpoint(endpoint))),
    strangerGone: (publicKey) => shielded(() => device()?.strangerGone(publicKey)),
    failed: (message) => shielded(() => device()?.failed(message)),

    connected: (connection, peer, initiator, protocol) =>
      shielded(() => {
        const receiver = peers.get(peer)
        if (receiver !== undefined) device()?.connected(connection, receiver, initiator, protocol)
      }),
    connectionClosed: (connection, close) => shielded(() => device()?.connectionClosed(connection, close)),
    datagram: (connection, bytes) => shielded(() => connections.get(connection)?.datagram(bytes)),
    message: (connection, priority, bytes) => shielded(() => connections.get(connection)?.message(priority, bytes)),
    laneDrained: (connection, priority, bytes) =>
      shielded(() => connections.get(connection)?.laneDrained(priority, bytes)),
    messageSettled: (connection, message, outcome) =>
      shielded(() => connections.get(connection)?.messageSettled(message, outcome)),

    streamOpened: (connection, stream, bidirectional, priority, name) =>
      shielded(() => connections.get(connection)?.streamOpened(stream, bidirectional, priority, name)),
    streamData: (stream, chunk) => toStream(stream, ({ read }) => read?.data(chunk)),
    streamEnd: (stream) => toStream(stream, ({ read }) => read?.end()),
    streamReset: (stream, code) => toStream(stream, (sides) => streamReset(sides, code)),
    streamStopped: (stream, code, whole) => toStream(stream, (sides) => streamStopped(sides, code, whole)),
    streamDrained: (stream, bytes) => toStream(stream, ({ write }) => write?.drained(bytes)),
    streamFinished: (stream) => toStream(stream, ({ write }) => write?.acknowledged()),
  }
}
