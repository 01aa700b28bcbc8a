import type { Clock } from '../waiting/clock.js'

/** Figures of one application protocol, over all peers of a device. */
export interface ProtocolStats {
  /** The protocol. */
  readonly protocol: string
  /** Number of live connections. A level. */
  readonly connections: number
  /** Number of connections that were up at some time. A counter. */
  readonly connectionsOpened: number
  /** Number of messages that were delivered to peers. A counter. */
  readonly messagesDelivered: number
  /** Bytes of those. A counter. */
  readonly bytesDelivered: number
  /** Number of messages that came from peers. A counter. */
  readonly messagesReceived: number
  /** Bytes of those. A counter. */
  readonly bytesReceived: number
  /** Number of dials refused, at either end, since the protocol is below a floor. A counter. */
  readonly refusedBelowFloor: number
}

/** Figures of one protocol, as they are counted. */
export type ProtocolCounters = { -readonly [K in keyof ProtocolStats]: ProtocolStats[K] }

/** Counters of a device by protocol, and the time at which each was spoken last with a peer. */
export class ProtocolTotals {
  readonly #clock: Clock
  readonly #counters = new Map<string, ProtocolCounters>()
  /** Instants at which a protocol was last spoken, by peer. */
  readonly #last = new Map<string, Map<string, number>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counters of a protocol: all of them 0 at first. */
  of(protocol: string): ProtocolCounters {
    const known = this.#counters.get(protocol)
    if (known !== undefined) return known
    const counters = { protocol, ...NONE }
    this.#counters.set(protocol, counters)
    this.#bound()
    return counters
  }

  /** Whether a protocol was spoken or refused. */
  has(protocol: string): boolean {
    return this.#counters.has(protocol)
  }

  /** A connection was up, or a dial was refused, until now. */
  spoke(peer: string, protocol: string): void {
    const ofPeer = this.#last.get(peer) ?? new Map<string, number>()
    ofPeer.delete(protocol)
    ofPeer.set(protocol, this.#clock.now())
    this.#last.set(peer, ofPeer)
    for (const oldest of ofPeer.keys()) {
      if (ofPeer.size <= MOST_PROTOCOLS) break
      ofPeer.delete(oldest)
    }
  }

  /** Milliseconds since a peer last spoke a protocol; `undefined`: it never did. */
  quietFor(peer: string, protocol: string): number | undefined {
    const last = this.#last.get(peer)?.get(protocol)
    return last === undefined ? undefined : this.#clock.now() - last
  }

  /** The peer is one no more. */
  forget(peer: string): void {
    this.#last.delete(peer)
  }

  /** Figures of all protocols that were spoken or refused, in the order of their names. */
  get all(): readonly ProtocolStats[] {
    return [...this.#counters.keys()].sort().map((protocol) => ({ ...this.of(protocol) }))
  }

  #bound(): void {
    for (const [protocol, { connections }] of this.#counters) {
      if (this.#counters.size <= MOST_PROTOCOLS) return
      if (connections === 0) this.#counters.delete(protocol)
    }
  }
}

const NONE = {
  connections: 0,
  connectionsOpened: 0,
  messagesDelivered: 0,
  bytesDelivered: 0,
  messagesReceived: 0,
  bytesReceived: 0,
  refusedBelowFloor: 0,
}

/** Eight times as many as a list holds: past them those that nobody speaks are forgotten, the oldest first. */
const MOST_PROTOCOLS = 256
