// Written by scripts/build/records.mjs from native/binding/src/records.rs, by every build.

import type { Buffer } from 'node:buffer'

/** The end that dialled. */
export type Initiator = 'local' | 'remote'

/** The end that closed a connection; 'network': neither did, the path or a process failed. */
export type ClosedBy = 'local' | 'remote' | 'network'

/** The kind of a connection's end. */
export type CloseCause =
  | 'application'
  | 'peer-dead'
  | 'peer-restarted'
  | 'peer-removed'
  | 'no-handshake'
  | 'no-transport'
  | 'no-endpoint'
  | 'no-protocol'
  | 'below-floor'
  | 'peer-dials'
  | 'lists-differ'
  | 'refused'
  | 'duplicate'
  | 'protocol'
  | 'lane-full'

/**
 * The reason why a dial of a peer's was refused. 'below-floor': it offered nothing that this end accepts, and a
 * protocol that a floor excludes. 'peer-dials': the pair speaks a protocol that this end alone offers. 'lists-differ':
 * a hello was altered on its way.
 */
export type DialRefusal = 'no-protocol' | 'below-floor' | 'peer-dials' | 'lists-differ'

/** The reason why a tunnel is down. */
export type PeerDownReason = 'expired' | 'handshake-timeout' | 'left'

/**
 * The end of a message that was sent. 'delivered': the peer's device holds all of it. 'expired': its `lifetime` ended
 * first. 'cancelled': it was taken back in time. 'replaced': a later one of its slot took its place. 'dropped': a full
 * lane or the peer refused it. 'lost': the connection ended first, and nobody knows.
 */
export type Outcome = 'delivered' | 'expired' | 'cancelled' | 'replaced' | 'dropped' | 'lost'

/** A peer's word about its protocols, each list best first. */
export interface PeerLists {
  /** Counts the changes of its process's lists; undefined for a build whose lists never change. */
  readonly generation: number | undefined
  /** Protocols that it dials with. */
  readonly offer: readonly string[]
  /** Protocols that it accepts from diallers. */
  readonly accept: readonly string[]
  /** Transports that it speaks. */
  readonly transports: readonly string[]
}

/** The events of a driver, in the order in which they happened; told from its one wake per batch. */
export interface Receiver {
  /** A tunnel has a session where there was none. `handshakeMs`: from the first initiation to confirmation. */
  peerUp(peer: number, handshakeMs: number, endpoint: string | undefined): void

  /** A live tunnel replaced its session. */
  peerRekeyed(peer: number): void

  /** Authenticated data came from elsewhere than before. `from` is undefined where that was not known. */
  peerMoved(peer: number, from: string | undefined, to: string): void

  /** An initiation went unanswered. */
  peerUnanswered(peer: number, to: string): void

  /** The system refused to send an initiation there; `errno` is its error number, positive. */
  peerUnreachable(peer: number, to: string, errno: number): void

  /** A peer sent a packet that is longer than our MTU, which was dropped; told once a peer. */
  peerOversized(peer: number, length: number): void

  /** A tunnel has no session any more. */
  peerDown(peer: number, reason: PeerDownReason): void

  /** A key that proved its possession asks to become a peer. */
  stranger(publicKey: string, endpoint: string): void

  /** The question lapsed: a later answer is ignored. */
  strangerGone(publicKey: string): void

  /** A raw packet arrived. `packet` owns its memory. */
  packet(peer: number, packet: Buffer): void

  /**
   * A dial takes what is to be sent before it is up: the peer has a session, and no other `protocol` can come of the
   * dial. `connected` or `connectionClosed` follows.
   */
  early(connection: number, peer: number, protocol: string): void

  /** A connection is usable, at the end that dialled as at the other. `theirs` is what the peer's hello said. */
  connected(connection: number, peer: number, initiator: Initiator, protocol: string, theirs: PeerLists): void

  /** The peer has the connection that this end dialled. Told once; what the peer sends may come before. */
  confirmed(connection: number): void

  /** The peer's lists are others from now on. Of what came faster than ten times a second, the newest alone. */
  announced(connection: number, theirs: PeerLists): void

  /** The peer sends no more on a connection, and this end holds all that it sent. Told once. */
  finished(connection: number): void

  /**
   * This end refused a dial of the peer's that offered these protocols; told of four a second. `chosen` is the protocol
   * that this end has to dial, if that is why.
   */
  dialRefused(peer: number, why: DialRefusal, offered: readonly string[], chosen: string | undefined): void

  /**
   * A connection is over: its last event. `reason` is as it came, and may hold anything. `accepts`: the protocols that
   * the peer would accept, if it refused for the lists.
   */
  connectionClosed(
    connection: number,
    by: ClosedBy,
    cause: CloseCause,
    code: number,
    reason: string,
    accepts: readonly string[],
  ): void

  /** An unreliable datagram arrived. `bytes` owns its memory. */
  datagram(connection: number, bytes: Buffer): void

  /** A whole message arrived. `bytes` owns its memory. */
  message(connection: number, priority: number, bytes: Buffer): void

  /** The transport took so many `bytes` of a lane, or they were given up: there is room for others. */
  laneDrained(connection: number, priority: number, bytes: number): void

  /** A message that was sent ended, which happens once. */
  messageSettled(connection: number, message: number, outcome: Outcome): void

  /** The peer opened a stream. `name` is empty for none. */
  streamOpened(connection: number, stream: number, bidirectional: boolean, priority: number, name: string): void

  /**
   * Data of a stream, in order. `chunk` is a slice of a slab shared with other chunks; the slab is never written again.
   * `pieces`: the number of pieces that it was joined from, as credit counts them.
   */
  streamData(stream: number, chunk: Buffer, pieces: number): void

  /** The peer finished its side. */
  streamEnd(stream: number): void

  /** The peer reset its side. */
  streamReset(stream: number, code: number): void

  /** The peer wants no more. `whole`: it has acknowledged everything that was written. */
  streamStopped(stream: number, code: number, whole: boolean): void

  /** The transport took so many `bytes` of a stream: there is room for others. */
  streamDrained(stream: number, bytes: number): void

  /** The peer has acknowledged everything that was written, and the end. */
  streamFinished(stream: number): void

  /** The device is dead: a panic, or its socket lost for good. Nothing follows. */
  failed(message: string): void
}

/** The fields of the record at hand, each by the number of its first word. */
export interface RecordFields {
  number(word: number): number
  text(word: number): string
  names(word: number): readonly string[]
  lists(word: number): PeerLists
  /** Bytes in memory of their own. */
  copy(word: number): Buffer
  /** Bytes in the slab. */
  slice(word: number): Buffer
  /** The message beside the record, of the length that the word says. */
  message(word: number): Buffer
}

/** Calls the method of a receiver that a record is for. */
export type Decoder = (record: RecordFields, to: Receiver) => void

/** Words of a record. */
export const STRIDE = 9

/** The decoders of records, each at the number of its kind. */
export const DECODERS: readonly Decoder[] = [
  (record, to) => to.peerUp(record.number(1), record.number(2), record.text(3) || undefined),
  (record, to) => to.peerRekeyed(record.number(1)),
  (record, to) => to.peerMoved(record.number(1), record.text(2) || undefined, record.text(4)),
  (record, to) => to.peerUnanswered(record.number(1), record.text(2)),
  (record, to) => to.peerUnreachable(record.number(1), record.text(2), record.number(4)),
  (record, to) => to.peerOversized(record.number(1), record.number(2)),
  (record, to) => to.peerDown(record.number(1), PEER_DOWN_REASON[record.number(2)] as PeerDownReason),
  (record, to) => to.stranger(record.text(1), record.text(3)),
  (record, to) => to.strangerGone(record.text(1)),
  (record, to) => to.packet(record.number(1), record.copy(2)),
  (record, to) => to.early(record.number(1), record.number(2), record.text(3)),
  (record, to) =>
    to.connected(
      record.number(1),
      record.number(2),
      INITIATOR[record.number(3)] as Initiator,
      record.text(4),
      record.lists(6),
    ),
  (record, to) => to.confirmed(record.number(1)),
  (record, to) => to.announced(record.number(1), record.lists(2)),
  (record, to) => to.finished(record.number(1)),
  (record, to) =>
    to.dialRefused(
      record.number(1),
      DIAL_REFUSAL[record.number(2)] as DialRefusal,
      record.names(3),
      record.text(5) || undefined,
    ),
  (record, to) =>
    to.connectionClosed(
      record.number(1),
      CLOSED_BY[record.number(2)] as ClosedBy,
      CLOSE_CAUSE[record.number(3)] as CloseCause,
      record.number(4),
      record.text(5),
      record.names(7),
    ),
  (record, to) => to.datagram(record.number(1), record.copy(2)),
  (record, to) => to.message(record.number(1), record.number(2), record.message(3)),
  (record, to) => to.laneDrained(record.number(1), record.number(2), record.number(3)),
  (record, to) => to.messageSettled(record.number(1), record.number(2), OUTCOME[record.number(3)] as Outcome),
  (record, to) =>
    to.streamOpened(record.number(1), record.number(2), record.number(3) === 1, record.number(4), record.text(5)),
  (record, to) => to.streamData(record.number(1), record.slice(2), record.number(4)),
  (record, to) => to.streamEnd(record.number(1)),
  (record, to) => to.streamReset(record.number(1), record.number(2)),
  (record, to) => to.streamStopped(record.number(1), record.number(2), record.number(3) === 1),
  (record, to) => to.streamDrained(record.number(1), record.number(2)),
  (record, to) => to.streamFinished(record.number(1)),
  (record, to) => to.failed(record.text(1)),
]

/** The methods that they call, in the same order. */
export const KINDS: readonly (keyof Receiver)[] = [
  'peerUp',
  'peerRekeyed',
  'peerMoved',
  'peerUnanswered',
  'peerUnreachable',
  'peerOversized',
  'peerDown',
  'stranger',
  'strangerGone',
  'packet',
  'early',
  'connected',
  'confirmed',
  'announced',
  'finished',
  'dialRefused',
  'connectionClosed',
  'datagram',
  'message',
  'laneDrained',
  'messageSettled',
  'streamOpened',
  'streamData',
  'streamEnd',
  'streamReset',
  'streamStopped',
  'streamDrained',
  'streamFinished',
  'failed',
]

/** The tables that all this was written from, as the addon tells its own. */
export const TABLE: string = [
  'stride 9',
  "PeerUp peer:Number handshake_ms:Number endpoint:OptionalText<'a>",
  'PeerRekeyed peer:Number',
  "PeerMoved peer:Number from:OptionalText<'a> to:Text<'a>",
  "PeerUnanswered peer:Number to:Text<'a>",
  "PeerUnreachable peer:Number to:Text<'a> errno:Number",
  'PeerOversized peer:Number length:Number',
  'PeerDown peer:Number reason:PeerDownReason',
  "Stranger public_key:Text<'a> endpoint:Text<'a>",
  "StrangerGone public_key:Text<'a>",
  "Packet peer:Number packet:Copied<'a>",
  "Early connection:Number peer:Number protocol:Text<'a>",
  "Connected connection:Number peer:Number initiator:Initiator protocol:Text<'a> theirs:PeerLists",
  'Confirmed connection:Number',
  'Announced connection:Number theirs:PeerLists',
  'Finished connection:Number',
  "DialRefused peer:Number why:DialRefusal offered:Names chosen:OptionalText<'a>",
  "ConnectionClosed connection:Number by:ClosedBy cause:CloseCause code:Number reason:Text<'a> accepts:Names",
  "Datagram connection:Number bytes:Copied<'a>",
  'Message connection:Number priority:Number bytes:Message',
  'LaneDrained connection:Number priority:Number bytes:Number',
  'MessageSettled connection:Number message:Number outcome:Outcome',
  "StreamOpened connection:Number stream:Number bidirectional:Flag priority:Number name:Text<'a>",
  "StreamData stream:Number chunk:Slice<'a> pieces:Number",
  'StreamEnd stream:Number',
  'StreamReset stream:Number code:Number',
  'StreamStopped stream:Number code:Number whole:Flag',
  'StreamDrained stream:Number bytes:Number',
  'StreamFinished stream:Number',
  "Failed message:Text<'a>",
  'Initiator local remote',
  'ClosedBy local remote network',
  'CloseCause application peer-dead peer-restarted peer-removed no-handshake no-transport no-endpoint no-protocol below-floor peer-dials lists-differ refused duplicate protocol lane-full',
  'DialRefusal no-protocol below-floor peer-dials lists-differ',
  'PeerDownReason expired handshake-timeout left',
  'Outcome delivered expired cancelled replaced dropped lost',
].join('\n')

/** The names of the type, each at its number. */
export const INITIATOR: readonly Initiator[] = ['local', 'remote']

/** The names of the type, each at its number. */
export const CLOSED_BY: readonly ClosedBy[] = ['local', 'remote', 'network']

/** The names of the type, each at its number. */
export const CLOSE_CAUSE: readonly CloseCause[] = [
  'application',
  'peer-dead',
  'peer-restarted',
  'peer-removed',
  'no-handshake',
  'no-transport',
  'no-endpoint',
  'no-protocol',
  'below-floor',
  'peer-dials',
  'lists-differ',
  'refused',
  'duplicate',
  'protocol',
  'lane-full',
]

/** The names of the type, each at its number. */
export const DIAL_REFUSAL: readonly DialRefusal[] = ['no-protocol', 'below-floor', 'peer-dials', 'lists-differ']

/** The names of the type, each at its number. */
export const PEER_DOWN_REASON: readonly PeerDownReason[] = ['expired', 'handshake-timeout', 'left']

/** The names of the type, each at its number. */
export const OUTCOME: readonly Outcome[] = ['delivered', 'expired', 'cancelled', 'replaced', 'dropped', 'lost']
