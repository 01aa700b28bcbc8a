// Written by scripts/build/commands.mjs from native/binding/src, by every build.

import type { ConnectionFigures, DeviceFigures, PeerFigures } from './figures.js'
import type { DriverPeer, DriverPeerChanges, DriverProtocols, LaneFigures } from './objects.js'

/** Commands of an engine. Those that give something or throw are answered at once; the others are queued, one wake per turn. */
export interface Commands {
  /** Adds a peer; gives its number. */
  addPeer(peer: DriverPeer): number

  /** Changes a living peer. */
  updatePeer(peer: number, changes: DriverPeerChanges): void

  /** Ends the peer's connections with this code and reason, then forgets it. */
  removePeer(peer: number, code: number, reason: string): void

  /** Makes a stranger a peer; gives its number. */
  authorize(peer: DriverPeer): number

  /** Answers a stranger with no, in silence. */
  refuse(publicKey: string): void

  /**
   * Replaces the protocols of one peer, or of all that have none of their own (`peer` undefined); `protocols`
   * undefined: the peer has none of its own any more. They count from the next hello on, of either end. A connection
   * that comes up on an older hello is told the newer lists by itself; those that are up are told by `announce`.
   */
  setProtocols(peer: number | undefined, protocols: DriverProtocols | undefined): void

  /**
   * Tells the peer on this connection which lists are this end's from now on. A peer whose generation is undefined
   * skips it.
   */
  announce(connection: number, protocols: DriverProtocols): void

  /**
   * Another connection took the place of this one, which goes on with what it has: no dial is content with it, or
   * refused for its sake.
   */
  supersede(connection: number): void

  /** Takes back `supersede`: the connection that took the place of this one is gone. */
  takeBack(connection: number): void

  /** Gives up a dial. Where its connection is up already, the peer may send on it: `connected` tells of it, or has. */
  abandonDial(connection: number): void

  /**
   * Tells the peer that this end sends no more on a connection, once the peer holds all that was sent: `finished`
   * there.
   */
  finish(connection: number): void

  /** Sends one IP packet; `false`: dropped, for a queue is full. */
  sendPacket(peer: number, packet: Uint8Array): boolean

  /**
   * Dials a peer with these protocols, which this dial offers whatever the lists say; undefined: for anything in the
   * lists of both ends. Gives the connection's number, which may be that of a live one. Where the pair speaks a
   * protocol that the peer alone offers, the dial ends with the cause 'peer-dials', and the peer is told that it has to
   * dial (`dialRefused` there). `early`: where the dial may take what is to be sent before it is up, the event `early`
   * says so.
   */
  connect(peer: number, protocols: readonly string[] | undefined, timeout: number, early: boolean): number

  /** Takes an accepted connection out of those that are pending. */
  claim(connection: number): void

  /** Delivers what was admitted for at most `grace` milliseconds, then closes. */
  closeConnection(connection: number, code: number, reason: string, grace: number): void

  /**
   * Sends a message, a copy of `bytes`, under a number of the caller's, unique within the device. It is given up when
   * `lifetime` milliseconds are over; undefined: never.
   */
  sendMessage(
    connection: number,
    message: number,
    priority: number,
    lifetime: number | undefined,
    bytes: Uint8Array,
  ): void

  /** Gives a message up. `messageSettled` follows, with this reason unless the peer had it whole before. */
  cancelMessage(connection: number, message: number, reason: 'cancelled' | 'replaced'): void

  /** Copies `bytes` once, for any number of messages; gives the number by which they are sent. */
  share(bytes: Uint8Array): number

  /** Sends a message of shared bytes; does nothing if they are shared no more. */
  sendShared(connection: number, message: number, priority: number, lifetime: number | undefined, share: number): void

  /**
   * Forgets shared bytes, which are freed when no queue holds them; messages that were sent of them are not concerned.
   */
  unshare(share: number): void

  /** Notes that messages of this lane with `bytes` in all were taken. */
  releaseMessages(connection: number, priority: number, bytes: number): void

  /**
   * Says whether anything here waits for room, or to hear that a message was delivered: else `laneDrained`,
   * `streamDrained` and 'delivered' wake nobody, and come with others or some milliseconds later.
   */
  heed(heeding: boolean): void

  /** Sends an unreliable datagram; `false`: dropped, for a queue is full, or it does not fit. */
  sendDatagram(connection: number, bytes: Uint8Array): boolean

  /** The longest unreliable datagram, in bytes. */
  maxDatagramSize(connection: number): number

  /** Opens a byte stream under a number of the caller's: an even one, unique within the device. */
  openStream(
    connection: number,
    stream: number,
    bidirectional: boolean,
    priority: number,
    name: string | undefined,
  ): void

  /** Writes a copy of `chunk`. */
  writeStream(stream: number, chunk: Uint8Array): void

  /** Finishes the stream: nothing more will be written. */
  finishStream(stream: number): void

  /** Resets the stream: takes back what was written and not delivered. */
  resetStream(stream: number, code: number): void

  /** Ends the stream if the peer has acknowledged everything that was written; else it is as `resetStream`. */
  leaveStream(stream: number, code: number): void

  /** Stops the stream: nothing more is wanted. */
  stopStream(stream: number, code: number): void

  /** Sets the priority with which the stream's data leaves from now on. */
  setStreamPriority(stream: number, priority: number): void

  /**
   * Allows the peer so many further bytes of data. From the first grant on, be it of 0, the stream's end is told once
   * nothing lies before it.
   */
  grantStream(stream: number, bytes: number): void

  /** Figures of the device, by name. */
  stats(): DeviceFigures

  /** Figures of a peer, by name; nothing if there is no such peer. */
  peerStats(peer: number): PeerFigures | undefined

  /** Figures of a connection, by name; nothing if there is no such connection. */
  connectionStats(connection: number): ConnectionFigures | undefined

  /** Endpoint of a peer's tunnel, or the one about to be tried: `ip:port`, `[v6]:port` or `[v6%number]:port`. */
  peerEndpoint(peer: number): string | undefined

  /**
   * Figures of each lane that was ever used, lowest first; nothing if there is no such connection. Also of a connection
   * that has ended, until 256 others have.
   */
  laneStats(connection: number): readonly LaneFigures[] | undefined

  /** Figures of lanes, summed over all connections that the device has and had. */
  deviceLanes(): readonly LaneFigures[]

  /** Figures of lanes, summed over all connections that a peer has and had; nothing if there is no such peer. */
  peerLanes(peer: number): readonly LaneFigures[] | undefined
}
