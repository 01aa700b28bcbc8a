import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { type InspectOptions, inspect } from 'node:util'
import { outOfRange } from './argument-error.js'
import type { Timer } from './clock.js'
import { type CloseOptions, type ParsedClose, parseClose } from './close.js'
import { Connection, type ConnectionReceiver } from './connection.js'
import { tolerated } from './deferred.js'
import type { DriverClose } from './driver.js'
import { shielded } from './emit.js'
import type { Endpoint, ParsedEndpoint } from './endpoint.js'
import { EndpointRotation } from './endpoint-rotation.js'
import { fromNative, nativeError, type WarrenError } from './errors.js'
import { addressOf, type PublicKey } from './keys.js'
import { LaneTotals } from './lane-totals.js'
import type { Message } from './message.js'
import { integer, LONGEST_TIMER, optional, parseOptions, signal } from './options.js'
import { checkPacket } from './packet.js'
import { PeerDials } from './peer-dials.js'
import type { PeerEvent } from './peer-event.js'
import { PeerInbox } from './peer-inbox.js'
import { type PeerChanges, parsePeerChanges } from './peer-options.js'
import { protocols } from './protocols.js'
import { QueuedBytes } from './queued-bytes.js'
import type { Runtime } from './runtime.js'
import { type PeerStats, statsOf } from './stats.js'

/** There is no 'error': what becomes of a peer is told by the device's 'peer' event. */
export interface PeerEvents {
  /** A raw IP packet from the tunnel; a slice of a larger buffer. Without a listener they are dropped. */
  packet: [packet: Buffer]
}

/** How to connect. */
export interface ConnectOptions {
  /** What to offer, best first. Default: the device's. */
  readonly protocols?: readonly string[] | undefined
  /** Milliseconds. Default 10,000. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a peer is from its first moment. */
export interface PeerFacts {
  readonly id: number
  readonly publicKey: PublicKey
  readonly endpoints: readonly ParsedEndpoint[]
  /** Where it was seen, if nobody configured where it is. */
  readonly seen: Endpoint | undefined
  readonly maxPriority: number
  /** Remove it when it never gets a session. */
  readonly isProvisional: boolean
}

/** What a peer needs of its device. */
export interface PeerHost {
  event(event: PeerEvent): void
  /** The driver has forgotten the peer. */
  removed(): void
}

/** A peer as its driver's events see it: handed out once, when it is made. */
export interface PeerReceiver {
  up(handshakeMs: number): void
  rekeyed(): void
  moved(from: Endpoint | undefined, to: Endpoint): void
  unanswered(): void
  down(reason: 'expired' | 'handshake-timeout' | 'left'): void
  packet(packet: Buffer): void
  /** A connection is up; `undefined`: the peer is being removed and takes none. */
  connected(connection: number, initiator: 'local' | 'remote', protocol: string): Connection | undefined
  /** The device is closing: dials and reconnection end. */
  deviceClosing(error: Error): void
}

/** Another node, by its key. Made by `device.addPeer()` or by `authorize`. */
export class Peer extends EventEmitter<PeerEvents> implements AsyncDisposable {
  readonly publicKey: PublicKey
  /** Its address inside the tunnel, derived from its key. */
  readonly address: string

  readonly #id: number
  readonly #runtime: Runtime
  readonly #host: PeerHost
  readonly #queued: QueuedBytes
  readonly #inbox: PeerInbox<Message>
  readonly #lanes: LaneTotals
  readonly #connections = new Set<Connection>()
  readonly #dials: PeerDials
  #rotation: EndpointRotation
  /** Where the driver sends to, as far as is known here. */
  #endpoint: Endpoint | undefined
  #isUp = false
  #removal: Promise<void> | undefined
  #provisional: Timer | undefined

  constructor(facts: PeerFacts, runtime: Runtime, host: PeerHost, attach: (receiver: PeerReceiver) => void) {
    super()
    this.publicKey = facts.publicKey
    this.address = addressOf(facts.publicKey)
    this.#id = facts.id
    this.#runtime = runtime
    this.#host = host
    this.#queued = new QueuedBytes(runtime.limits.queuedBytesPerPeer)
    this.#inbox = new PeerInbox(runtime.inbox, facts.maxPriority)
    this.#lanes = new LaneTotals(runtime.laneTotals)
    this.#rotation = new EndpointRotation(facts.endpoints)
    this.#endpoint = this.#rotation.literal ?? facts.seen
    this.#dials = new PeerDials(facts.id, facts.publicKey, runtime, {
      isUp: () => this.#isUp,
      locate: () => this.#locate('if down'),
      connections: this.#connections,
    })
    if (facts.isProvisional) this.#provisional = runtime.clock.after(UNUSED, () => void this.remove(NEVER_USED))
    if (this.#endpoint === undefined) this.#locate('if down').catch(ignore)
    attach(this.#receiver())
  }

  /** Where it is: its current address and port, or the first that was configured. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint ?? this.#rotation.first
  }

  /** The live ones of this peer, in any protocol. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** The tunnel has a session. */
  get up(): boolean {
    return this.#isUp
  }

  /**
   * The live connection in one of these protocols, or a new one. When both ends dial at once, both get the same one.
   * It is dialled again when the network loses it; the new one comes with the device's 'connection'.
   */
  connect(options: ConnectOptions = {}): Promise<Connection> {
    try {
      const { protocols, timeout, signal } = parseOptions('options', options, CONNECT_CHECKS)
      const offered = protocols ?? this.#runtime.protocols
      if (offered.length === 0)
        throw outOfRange('options.protocols', "a list of one or more: the device's is empty", offered)
      return tolerated(this.#connect(protocols, timeout, signal))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Changes what is given; the rest stays. */
  update(changes: PeerChanges): void {
    const { endpoint: endpoints, maxPriority, ...rest } = parsePeerChanges(changes)
    this.#check()
    const rotation = endpoints && new EndpointRotation(endpoints)
    const endpoint = rotation?.literal
    try {
      this.#runtime.driver.updatePeer(this.#id, { ...rest, ...(endpoint !== undefined && { endpoints: [endpoint] }) })
    } catch (error) {
      throw fromNative(error, this.publicKey)
    }
    if (maxPriority !== undefined) this.#inbox.maxPriority = maxPriority
    if (rotation === undefined) return
    this.#rotation = rotation
    if (endpoint === undefined) this.#locate('now').catch(ignore)
    else this.#endpoint = endpoint
  }

  /** Puts one IP packet into the tunnel. False: dropped and counted, because the queue is full or the peer is gone. */
  sendPacket(packet: Uint8Array): boolean {
    checkPacket(packet, this.#runtime.mtu)
    return this.#removal === undefined && this.#runtime.isOpen && this.#runtime.driver.sendPacket(this.#id, packet)
  }

  /** Figures of this moment; none once the peer is removed. */
  stats(): PeerStats {
    const counters = this.#runtime.isOpen ? this.#runtime.driver.peerStats(this.#id) : undefined
    return statsOf(counters, counters === undefined ? [] : this.#lanes.now())
  }

  /** Closes its connections gracefully and forgets it. With `timeout: 0` at once. */
  async remove(options?: CloseOptions): Promise<void> {
    const close = parseClose(options)
    this.#removal ??= this.#remove(close)
    await this.#removal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }

  toJSON(): object {
    const { publicKey, address, endpoint, up } = this
    return { publicKey, address, endpoint, up }
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Peer ${inspect(this.toJSON(), options)}`
  }

  async #connect(
    offered: readonly string[] | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    signal?.throwIfAborted()
    this.#check()
    return this.#dials.connect(offered, timeout, signal)
  }

  #check(): void {
    if (this.#runtime.isClosing) throw this.#runtime.closedError()
    if (this.#removal !== undefined) throw this.#removedError()
  }

  #removedError(): WarrenError {
    return nativeError('peer-removed', '', { peer: this.publicKey })
  }

  async #remove(close: ParsedClose): Promise<void> {
    this.#provisional?.cancel()
    await Promise.resolve()
    this.#dials.end(this.#removedError())
    const { driver } = this.#runtime
    if (close.timeout > 0) await Promise.all(Array.from(this.#connections, (connection) => connection.close(close)))
    if (this.#runtime.isOpen) driver.removePeer(this.#id, close.code, close.reason)
    await Promise.all(Array.from(this.#connections, ({ closed }) => closed))
    this.#isUp = false
    this.#host.removed()
    this.#host.event({ type: 'removed', publicKey: this.publicKey, reason: close.reason })
  }

  /** Gives the driver the endpoint whose turn it is, if it has another. A tunnel that is up knows better where its peer is. */
  async #locate(when: 'now' | 'if down'): Promise<void> {
    const rotation = this.#rotation
    const isKept = (): boolean => when === 'if down' && this.#isUp
    if (rotation.empty || isKept()) return
    const endpoint = await rotation.current()
    if (rotation !== this.#rotation || isKept() || this.#removal !== undefined || !this.#runtime.isOpen) return
    if (endpoint === this.#endpoint) return
    this.#endpoint = endpoint
    this.#runtime.driver.updatePeer(this.#id, { endpoints: [endpoint] })
  }

  #receiver(): PeerReceiver {
    const { publicKey } = this
    return {
      up: (handshakeMs) => {
        this.#isUp = true
        this.#provisional?.cancel()
        this.#host.event({ type: 'up', publicKey, handshakeMs })
      },
      rekeyed: () => this.#host.event({ type: 'rekeyed', publicKey }),
      moved: (from, to) => {
        this.#endpoint = to
        this.#host.event({ type: 'moved', publicKey, from, to })
      },
      unanswered: () => {
        if (this.#rotation.empty) return
        this.#rotation.advance()
        this.#locate('if down').catch(ignore)
      },
      down: (reason) => {
        this.#isUp = false
        this.#host.event({ type: 'down', publicKey, reason })
      },
      packet: (packet) => shielded(() => this.emit('packet', packet)),
      connected: (connection, initiator, protocol) => this.#connected(connection, initiator, protocol),
      deviceClosing: (error) => {
        this.#provisional?.cancel()
        this.#dials.end(error)
      },
    }
  }

  #connected(id: number, initiator: 'local' | 'remote', protocol: string): Connection | undefined {
    if (this.#removal !== undefined) return undefined
    const { routes } = this.#runtime
    const facts = {
      id,
      peer: this,
      protocol,
      initiator,
      queued: this.#queued,
      inbox: this.#inbox,
      isPeerRemoved: () => this.#removal !== undefined,
    }
    const connection = new Connection(facts, this.#runtime, (receiver) => {
      const watched = this.#watched(receiver)
      routes.connections.set(id, watched)
      this.#lanes.add(watched)
      routes.receivers.set(receiver.connection, watched)
    })
    this.#connections.add(connection)
    this.#dials.arrived(id, connection)
    return connection
  }

  /** The connection's receiver, so that its end is known here before it is known to the application. */
  #watched(receiver: ConnectionReceiver): ConnectionReceiver {
    const { connection } = receiver
    const closed = (close: DriverClose, failure?: WarrenError): void => {
      this.#connections.delete(connection)
      this.#dials.lost(connection, close)
      receiver.closed(close, failure)
      this.#lanes.ended(watched)
    }
    const watched = { ...receiver, closed }
    return watched
  }
}

const ignore = (): void => {}

/** A peer that was let in and never comes is dropped after this: three times REJECT_AFTER_TIME (whitepaper section 6.2). */
const UNUSED = 540_000

const NEVER_USED = { timeout: 0, reason: 'never connected' }

const CONNECT_CHECKS = {
  protocols: optional(protocols, undefined),
  timeout: optional(integer(1, LONGEST_TIMER, 'milliseconds'), 10_000),
  signal: optional(signal, undefined),
}
