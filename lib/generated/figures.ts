// Written by scripts/build/figures.mjs from native/binding/src/stats.rs, by every build.

/** Figures of a device. */
export interface DeviceFigures {
  /** Number of peers. A level. */
  readonly peers: number
  /** Number of connections, those under way included. A level. */
  readonly connections: number
  /**
   * Number of accepted connections that nobody took yet: no listener was told of them, and `device.messages()` was
   * never called. A level.
   */
  readonly pendingConnections: number
  /** Number of open streams. A level. */
  readonly streams: number
  /** Number of events that the engine has for this process and that were not taken yet. A level. */
  readonly queuedEvents: number
  /** Number of connections refused because too many waited for a listener. A counter. */
  readonly refusedConnections: number
  /** Number of peers' dials given up for others, because their diallers kept this end waiting. A counter. */
  readonly displacedDials: number
  /** Number of answers that a peer was not given, because it asked for more than it may have. A counter. */
  readonly answersWithheld: number
  /** Number of packets from peers with warren's addresses and ports, and wrong lengths or checksum. A counter. */
  readonly malformedPackets: number
  /** Number of raw packets to peers that found the queue full. A counter. */
  readonly packetsSentDropped: number
  /** Number of raw packets from peers that this process took too slowly. A counter. */
  readonly packetsReceivedDropped: number
  /**
   * Number of unreliable datagrams of connections that found the queue full, or the path too short for them. A counter.
   */
  readonly datagramsSentDropped: number
  /** Number of unreliable datagrams of connections that this process took too slowly. A counter. */
  readonly datagramsReceivedDropped: number
  /** Number of handshake initiations sent. A counter. */
  readonly initiationsSent: number
  /** Number of initiations sent beside a session that went unanswered. A counter. */
  readonly initiationsOnSuspicion: number
  /** Number of initiations that waited because too many others left at the time. A counter. */
  readonly initiationsPutOff: number
  /** Number of peers' initiations that were answered. A counter. */
  readonly initiationsAnswered: number
  /** Number of sessions confirmed, renewals included. A counter. */
  readonly sessions: number
  /** Number of cookie replies sent under load. A counter. */
  readonly cookiesSent: number
  /** Number of datagrams dropped that are no WireGuard messages: unknown type, or wrong length. A counter. */
  readonly receiveDroppedMalformed: number
  /** Number of datagrams dropped that are longer than the MTU allows. A counter. */
  readonly receiveDroppedOversized: number
  /** Number of datagrams dropped for a session that does not exist. A counter. */
  readonly receiveDroppedUnknownIndex: number
  /** Number of handshake messages dropped whose sender does not know this device's public key. A counter. */
  readonly receiveDroppedWrongMac1: number
  /** Number of datagrams dropped that did not authenticate. A counter. */
  readonly receiveDroppedUnauthenticated: number
  /** Number of datagrams dropped that came before, or are older than the window of 1,024 packets. A counter. */
  readonly receiveDroppedReplayed: number
  /** Number of datagrams dropped for a session older than 180 s. A counter. */
  readonly receiveDroppedExpired: number
  /** Number of packets from peers dropped that are no IP packets. A counter. */
  readonly receiveDroppedNotIp: number
  /** Number of packets from peers dropped whose source is not in the sender's `allowedIPs`. A counter. */
  readonly receiveDroppedWrongSource: number
  /**
   * Number of initiations dropped: no newer than the last of their key, too soon after it, or left for this device's
   * own. A counter.
   */
  readonly receiveDroppedStaleInitiation: number
  /**
   * Number of initiations of unknown keys dropped: not asked for, over the limits, or asked about already. A counter.
   */
  readonly receiveDroppedStranger: number
  /** Number of handshake messages dropped without a valid cookie, under load. A counter. */
  readonly receiveDroppedUnderLoad: number
  /** Number of initiations dropped under load of a source whose others came from no peer. A counter. */
  readonly receiveDroppedSourceLimited: number
  /** Number of handshake messages dropped that found the queue full. A counter. */
  readonly receiveDroppedHandshakeOverflow: number
  /** Number of datagrams dropped from the longest queue of those that wait to be decrypted. A counter. */
  readonly receiveDroppedOverflow: number
  /** Number of packets to peers dropped that are longer than the MTU. A counter. */
  readonly sendDroppedOversized: number
  /** Number of packets to peers dropped without a session and without an endpoint. A counter. */
  readonly sendDroppedNoEndpoint: number
  /** Number of packets that waited for a session and were dropped for newer ones. A counter. */
  readonly sendDroppedStagedOverflow: number
  /** Number of packets that waited for a session and were dropped when its handshake was given up. A counter. */
  readonly sendDroppedStagedExpired: number
  /** Number of handshake messages dropped that found the outgoing queue full. A counter. */
  readonly sendDroppedOutgoingOverflow: number
  /** Number of connections dialled. A counter. */
  readonly dialled: number
  /** Number of connections accepted. A counter. */
  readonly accepted: number
  /** Number of incoming connections refused with a code. A counter. */
  readonly refused: number
  /** Number of incoming connections refused because no protocol is common. A counter. */
  readonly refusedNoProtocol: number
  /** Number of incoming connections refused because what they offered is below a floor. A counter. */
  readonly refusedBelowFloor: number
  /**
   * Number of incoming connections refused because this device alone offers the protocol of the pair, and dials it. A
   * counter.
   */
  readonly refusedPeerDials: number
  /** Number of connections ended while they came up because a hello was altered on its way. A counter. */
  readonly listsDiffered: number
  /** Number of announcements of peers that they offer or accept other protocols from then on. A counter. */
  readonly announcementsReceived: number
  /** Number of hellos of peers that could not be read. A counter. */
  readonly malformedHellos: number
  /** Number of hellos of peers in a version that is not spoken here. A counter. */
  readonly unknownHelloVersions: number
  /** Number of connections ended because the peer broke the protocol's rules. A counter. */
  readonly protocolViolations: number
  /** Number of stateless resets received. A counter. */
  readonly resetsReceived: number
  /** Number of answers to datagrams that belong to no connection. A counter. */
  readonly responses: number
  /** Number of such answers that found their queue full. A counter. */
  readonly responsesDropped: number
  /** Number of QUIC datagrams dropped that belonged to no connection and could not be answered. A counter. */
  readonly strayDatagrams: number
  /**
   * Number of QUIC datagrams dropped that asked for more work or memory than their peer may have: small pieces out of
   * order, pieces that overlap. A counter.
   */
  readonly costlyDatagrams: number
  /** Number of UDP datagrams that the system took. A counter. */
  readonly datagramsSent: number
  /** Number of UDP datagrams that the system gave. A counter. */
  readonly datagramsReceived: number
  /** Payload bytes of the datagrams sent. A counter. */
  readonly bytesSent: number
  /** Payload bytes of the datagrams received. A counter. */
  readonly bytesReceived: number
  /**
   * Number of system calls that sent, of the native driver: beside `datagramsSent` it shows how full the batches are. A
   * counter.
   */
  readonly sendCalls: number
  /** Number of system calls that asked for datagrams, of the native driver. A counter. */
  readonly receiveCalls: number
  /** Number of times that the socket had no room and a batch waited for it, with the native driver. A counter. */
  readonly sendBlocked: number
  /** Number of datagrams larger than the receive buffer, with the native driver. A counter. */
  readonly receiveTruncated: number
  /** Number of times that the socket was lost and bound anew. A counter. */
  readonly socketRebound: number
}

/** Figures of nothing. */
export const NO_DEVICE_FIGURES: DeviceFigures = {
  peers: 0,
  connections: 0,
  pendingConnections: 0,
  streams: 0,
  queuedEvents: 0,
  refusedConnections: 0,
  displacedDials: 0,
  answersWithheld: 0,
  malformedPackets: 0,
  packetsSentDropped: 0,
  packetsReceivedDropped: 0,
  datagramsSentDropped: 0,
  datagramsReceivedDropped: 0,
  initiationsSent: 0,
  initiationsOnSuspicion: 0,
  initiationsPutOff: 0,
  initiationsAnswered: 0,
  sessions: 0,
  cookiesSent: 0,
  receiveDroppedMalformed: 0,
  receiveDroppedOversized: 0,
  receiveDroppedUnknownIndex: 0,
  receiveDroppedWrongMac1: 0,
  receiveDroppedUnauthenticated: 0,
  receiveDroppedReplayed: 0,
  receiveDroppedExpired: 0,
  receiveDroppedNotIp: 0,
  receiveDroppedWrongSource: 0,
  receiveDroppedStaleInitiation: 0,
  receiveDroppedStranger: 0,
  receiveDroppedUnderLoad: 0,
  receiveDroppedSourceLimited: 0,
  receiveDroppedHandshakeOverflow: 0,
  receiveDroppedOverflow: 0,
  sendDroppedOversized: 0,
  sendDroppedNoEndpoint: 0,
  sendDroppedStagedOverflow: 0,
  sendDroppedStagedExpired: 0,
  sendDroppedOutgoingOverflow: 0,
  dialled: 0,
  accepted: 0,
  refused: 0,
  refusedNoProtocol: 0,
  refusedBelowFloor: 0,
  refusedPeerDials: 0,
  listsDiffered: 0,
  announcementsReceived: 0,
  malformedHellos: 0,
  unknownHelloVersions: 0,
  protocolViolations: 0,
  resetsReceived: 0,
  responses: 0,
  responsesDropped: 0,
  strayDatagrams: 0,
  costlyDatagrams: 0,
  datagramsSent: 0,
  datagramsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  sendCalls: 0,
  receiveCalls: 0,
  sendBlocked: 0,
  receiveTruncated: 0,
  socketRebound: 0,
}

/** Figures of a peer. */
export interface PeerFigures {
  /** Number of connections, those under way included. A level. */
  readonly connections: number
  /** Number of usable sessions, 1 or 0: with 1 a packet leaves at once. A level. */
  readonly up: number
  /** Number of raw packets received and handed to this process. A counter. */
  readonly packetsReceived: number
  /** Number of raw packets received that this process took too slowly. A counter. */
  readonly packetsReceivedDropped: number
  /** Number of raw packets received that are longer than this device's `mtu`, and were dropped. A counter. */
  readonly packetsReceivedOversized: number
  /** Number of raw packets that left. A counter. */
  readonly packetsSent: number
  /** Number of raw packets that found the queue full. A counter. */
  readonly packetsSentDropped: number
  /**
   * Number of raw packets that wait for their turn to leave. Without a session they move on to `stagedBytes`. A level.
   */
  readonly queuedPackets: number
  /** Number of encrypted datagrams sent, keepalives included. A counter. */
  readonly datagramsSent: number
  /** Bytes of the datagrams sent, WireGuard's own 32 of each included. A counter. */
  readonly bytesSent: number
  /** Number of authenticated datagrams received, keepalives included. A counter. */
  readonly datagramsReceived: number
  /** Bytes of the datagrams received, WireGuard's own 32 of each included. A counter. */
  readonly bytesReceived: number
  /** Number of sessions confirmed, renewals included. A counter. */
  readonly sessions: number
  /** Bytes of packets that wait for a session. A level. */
  readonly stagedBytes: number
  /** Number of packets that waited for a session and were dropped. A counter. */
  readonly stagedDropped: number
  /** Milliseconds since the newest session was confirmed; absent before the first. A level. */
  readonly handshakeAgeMs?: number | undefined
  /** Milliseconds since something authenticated came in; absent before that. A level. */
  readonly receivedAgeMs?: number | undefined
}

/** Figures of nothing. */
export const NO_PEER_FIGURES: PeerFigures = {
  connections: 0,
  up: 0,
  packetsReceived: 0,
  packetsReceivedDropped: 0,
  packetsReceivedOversized: 0,
  packetsSent: 0,
  packetsSentDropped: 0,
  queuedPackets: 0,
  datagramsSent: 0,
  bytesSent: 0,
  datagramsReceived: 0,
  bytesReceived: 0,
  sessions: 0,
  stagedBytes: 0,
  stagedDropped: 0,
}

/** Figures of a connection. */
export interface ConnectionFigures {
  /** Bytes that may be in flight: the congestion window. A level. */
  readonly window: number
  /** Bytes in flight. A level. */
  readonly inFlight: number
  /** Bytes written to the transport and not sent yet, about. A level. */
  readonly unsent: number
  /** Bytes of the largest datagram in use inside the tunnel. A level. */
  readonly mtu: number
  /** Number of QUIC datagrams sent. A counter. */
  readonly datagramsSent: number
  /** Payload bytes of the datagrams sent. A counter. */
  readonly bytesSent: number
  /** Number of QUIC datagrams received. A counter. */
  readonly datagramsReceived: number
  /** Payload bytes of the datagrams received. A counter. */
  readonly bytesReceived: number
  /** Number of packets declared lost. A counter. */
  readonly packetsLost: number
  /** Number of times that the congestion window shrank. A counter. */
  readonly congestionEvents: number
  /** Number of messages sent whose outcome is not known yet. A level. */
  readonly messagesUnsettled: number
  /** Number of messages that the peer's device holds. A counter. */
  readonly messagesDelivered: number
  /** Number of messages cancelled before the peer's device held them. A counter. */
  readonly messagesCancelled: number
  /** Number of messages replaced before the peer's device held them. A counter. */
  readonly messagesReplaced: number
  /** Number of messages whose lifetime ended before the peer's device held them. A counter. */
  readonly messagesExpired: number
  /** Number of messages that the peer's device refused. A counter. */
  readonly messagesRefused: number
  /** Number of whole messages received. A counter. */
  readonly messagesReceived: number
  /** Number of messages that the peer cancelled before they were whole here. A counter. */
  readonly peerCancelled: number
  /** Number of messages that the peer replaced before they were whole here. A counter. */
  readonly peerReplaced: number
  /** Number of messages whose lifetime ended at the peer before they were whole here. A counter. */
  readonly peerExpired: number
  /** Number of messages refused here for their length. A counter. */
  readonly messagesTooLong: number
  /** Bytes of messages that arrive, or arrived and were not read yet. A level. */
  readonly receiveHeldBytes: number
  /** Number of messages at the peer that wait for room here. A level. */
  readonly receiveWaiting: number
  /** Bits per second that may leave towards the peer, outer headers included; 0 for no bound. A level. */
  readonly pacedBitsPerSecond: number
  /**
   * Number of foreign flows seen to keep the bottleneck's queue long, 1 or 0: with 1, most of `queueMs` is theirs. A
   * level.
   */
  readonly competes: number
  /** Milliseconds that the packet acknowledged last waited in the bottleneck's queue. A level. */
  readonly queueMs: number
  /** Milliseconds of the smoothed round-trip time. A level. */
  readonly rttMs: number
  /** Milliseconds of the least round-trip time seen. A level. */
  readonly minRttMs: number
}

/** Figures of nothing. */
export const NO_CONNECTION_FIGURES: ConnectionFigures = {
  window: 0,
  inFlight: 0,
  unsent: 0,
  mtu: 0,
  datagramsSent: 0,
  bytesSent: 0,
  datagramsReceived: 0,
  bytesReceived: 0,
  packetsLost: 0,
  congestionEvents: 0,
  messagesUnsettled: 0,
  messagesDelivered: 0,
  messagesCancelled: 0,
  messagesReplaced: 0,
  messagesExpired: 0,
  messagesRefused: 0,
  messagesReceived: 0,
  peerCancelled: 0,
  peerReplaced: 0,
  peerExpired: 0,
  messagesTooLong: 0,
  receiveHeldBytes: 0,
  receiveWaiting: 0,
  pacedBitsPerSecond: 0,
  competes: 0,
  queueMs: 0,
  rttMs: 0,
  minRttMs: 0,
}
