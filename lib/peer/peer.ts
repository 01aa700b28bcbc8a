import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { type InspectOptions, inspect } from 'node:util'
import { type CloseOptions, type CloseReason, type ParsedClose, parseClose } from '../arguments/close.js'
import { type Endpoint, spellEndpoint } from '../arguments/endpoint.js'
import { checkPacket } from '../arguments/packet.js'
import { Connection, type ConnectionReceiver, type Message } from '../connection/connection.js'
import { systemErrorName } from '../dial/attempts.js'
import { PeerDials } from '../dial/peer-dials.js'
import type { DriverClose, PeerLists } from '../driver.js'
import { failureOf, fromNative, nativeError, type WarrenError } from '../errors.js'
import { publishDrop } from '../events/drop.js'
import { LaneTotals } from '../figures/lane-totals.js'
import { NO_PEER_STATS, type PeerStats } from '../figures/stats.js'
import { PeerInbox } from '../inbox/peer-inbox.js'
import { addressOf, type PublicKey } from '../keys.js'
import { QueuedBytes } from '../outbox/queued-bytes.js'
import { keepFacts, SetView } from '../read-only.js'
import type { Runtime } from '../runtime.js'
import type { Lists } from '../versions/choice.js'
import { type FloorOptions, parseFloor } from '../versions/floor-options.js'
import { checkAsked, type ProtocolsOption, protocolLists, protocolName } from '../versions/protocols.js'
import { transports } from '../versions/transports.js'
import { type Caller, callerOf } from '../waiting/caller.js'
import { tolerated } from '../waiting/deferred.js'
import { type ConnectOptions, parseConnect } from './connect-options.js'
import { Endpoints, knownAddresses } from './endpoint-rotation.js'
import type { FamilyState } from './family-state.js'
import { publishHandshake } from './handshake-event.js'
import { warnOversized } from './oversized.js'
import type { ProtocolEvent } from './peer-event.js'
import type { PeerFacts, PeerHost, PeerReceiver } from './peer-host.js'
import { type PeerChanges, parsePeerChanges } from './peer-options.js'
import { PeerProtocols } from './peer-protocols.js'

/** Events of a peer. None is 'error': the device's 'peer' event tells what becomes of it. */
export interface PeerEvents {
  /** A raw IP packet from the tunnel, in memory of its own. Without a listener packets are dropped. */
  packet: [packet: Buffer]
  /** Another version of a family is spoken, or the peer told other lists. The device's 'peer' tells of it too. */
  protocol: [event: ProtocolEvent]
}

/**
 * Another node, by its key. Made by `device.addPeer()` or by `authorize`.
 *
 * @example
 * ```js
 * const peer = device.addPeer({ publicKey, endpoint: ['203.0.113.5:51820', 'node.example.org:51820'] })
 * const connection = await peer.connect({ timeout: 3_000 })
 * console.log(`${peer.publicKey} is at ${peer.endpoint}`)
 * ```
 */
export class Peer extends EventEmitter<PeerEvents> implements AsyncDisposable {
  /** The name of the node: its public key. */
  readonly publicKey: PublicKey
  /** The address inside the tunnel, derived from the key. */
  readonly address: string

  readonly #id: number
  readonly #runtime: Runtime
  readonly #host: PeerHost
  readonly #queued: QueuedBytes
  readonly #inbox: PeerInbox<Message>
  readonly #lanes: LaneTotals
  readonly #connections = new Set<Connection>()
  #connectionsView: ReadonlySet<Connection> | undefined
  readonly #dials: PeerDials<Connection>
  readonly #protocols: PeerProtocols
  readonly #endpoints: Endpoints
  /** Endpoint that the driver sends to, as far as was asked. */
  #endpoint: Endpoint | undefined
  /** It may be elsewhere by now. */
  #isEndpointOld = true
  #isUp = false
  /** Instant of the first session in the present run of sessions. */
  #upSince = 0
  #removal: Promise<void> | undefined

  constructor(facts: PeerFacts, runtime: Runtime, host: PeerHost, attach: (receiver: PeerReceiver<Peer>) => void) {
    super()
    this.publicKey = facts.publicKey
    this.address = addressOf(facts.publicKey)
    keepFacts(this, 'publicKey', 'address')
    this.#id = facts.id
    this.#runtime = runtime
    this.#host = host
    this.#queued = new QueuedBytes(runtime.limits.queuedBytesPerPeer, runtime.queued)
    this.#inbox = new PeerInbox(host.inbox, facts.maxPriority)
    this.#lanes = new LaneTotals(host.lanes)
    this.#endpoint = facts.seen
    this.#endpoints = new Endpoints({
      clock: runtime.clock,
      isUp: () => this.#isUp,
      changed: (endpoints) => this.#relocate(endpoints),
    })
    this.#protocols = this.#makeProtocols()
    this.#dials = new PeerDials(facts.id, facts.publicKey, runtime, host.dials, {
      tunnel: () => ({ endpoint: this.endpoint, upSince: this.#isUp ? this.#upSince : undefined }),
      locate: () => this.#endpoints.locate(),
      connections: this.#connections,
      lists: () => this.#protocols.mine,
      floorAbove: (protocol) => this.#protocols.settings.floorAbove(protocol),
      isCurrent: (connection) => this.#protocols.isCurrent(connection),
      hasCommon: (protocol) => this.#protocols.hasCommon(protocol),
      dialFailed: (error, pause) => this.#dialFailed(error, pause),
    })
    this.#endpoints.configure(facts.endpoints)
    attach(this.#receiver())
    if (facts.connect !== undefined) this.#dials.keep(facts.connect)
  }

  /** The address and port that it is reached at now, or the first that was configured; `undefined` where nobody said. */
  get endpoint(): Endpoint | undefined {
    if (this.#isEndpointOld && this.#removal === undefined && this.#runtime.isOpen) {
      this.#isEndpointOld = false
      const endpoint = this.#runtime.driver.peerEndpoint(this.#id)
      if (endpoint !== undefined) this.#endpoint = this.#endpoints.spell(spellEndpoint(endpoint))
    }
    return this.#endpoint ?? this.#endpoints.first
  }

  /** Live connections of this peer, in any protocol. */
  get connections(): ReadonlySet<Connection> {
    this.#connectionsView ??= new SetView(this.#connections)
    return this.#connectionsView
  }

  /**
   * Protocols between this device and the peer, by family: the versions that the peer offers and accepts, as it told last, and the one
   * that is spoken. The lists of a peer that was never connected are empty.
   */
  get protocols(): ReadonlyMap<string, FamilyState> {
    return this.#protocols.view
  }

  /** True while the tunnel has a session. */
  get up(): boolean {
    return this.#isUp
  }

  /**
   * Gives the live connection in one of these protocols, or dials. All of `timeout` is used to try again. When both ends dial at once,
   * both get the same connection. One that the network loses is dialled again; the new one comes with the device's 'connection'.
   *
   * Rejects with `ERR_WARREN_NO_HANDSHAKE`, `ERR_WARREN_NO_TRANSPORT`, `ERR_WARREN_NO_COMMON_PROTOCOL`, `ERR_WARREN_NO_ENDPOINT`,
   * `ERR_WARREN_BELOW_FLOOR`, `ERR_WARREN_PEER_DIALS`, `ERR_WARREN_NAME_NOT_RESOLVED`, `ERR_WARREN_CONNECTION_REFUSED`,
   * `ERR_WARREN_PEER_REMOVED`, `ERR_WARREN_DEVICE_CLOSED`, or the signal's reason.
   *
   * @example
   * ```js
   * const connection = await peer.connect({ protocols: ['ledger/2', 'ledger/1'], timeout: 3_000 })
   * if (connection.protocol === 'ledger/1') warn(peer)
   * ```
   */
  connect(options: ConnectOptions = {}): Promise<Connection> {
    try {
      const { protocols, timeout, signal, early } = parseConnect(options)
      checkAsked('options.protocols', protocols, this.#configured)
      return tolerated(this.#connect(protocols, timeout, signal, early, callerOf(this.connect)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Changes the options that are given; the rest stays. Throws `ERR_WARREN_PEER_REMOVED`, `ERR_WARREN_ALLOWED_IP_CONFLICT`. */
  update(changes: PeerChanges): void {
    const { endpoint: endpoints, maxPriority, connect, ...rest } = parsePeerChanges(changes)
    this.#check()
    if (connect) checkAsked('changes.connect.protocols', connect.protocols, this.#configured)
    const addresses = knownAddresses(endpoints ?? [])
    // Those before are of use until a name of the new ones is resolved.
    const isGiven = addresses.length > 0 || endpoints?.length === 0
    try {
      this.#runtime.driver.updatePeer(this.#id, { ...rest, ...(isGiven && { endpoints: addresses }) })
    } catch (error) {
      throw fromNative(error, this.publicKey)
    }
    if (maxPriority !== undefined) this.#inbox.maxPriority = maxPriority
    if (endpoints !== undefined) {
      this.#isEndpointOld = true
      this.#endpoints.configure(endpoints)
      this.#dials.reachable()
    }
    if (connect !== undefined) this.#dials.keep(connect ?? undefined)
  }

  /**
   * Sets the protocols towards this peer from now on, in the place of the device's; `undefined`: the device's again. They hold for the
   * next dial at once, a connected peer is told, and connections move to the version that both ends like best. Throws
   * `ERR_WARREN_PEER_REMOVED`.
   *
   * @example
   * ```js
   * peer.setProtocols({ offer: ['ledger/1'], accept: ['ledger/2', 'ledger/1'] })
   * ```
   */
  setProtocols(protocols: ProtocolsOption | undefined): void {
    const lists = protocols === undefined ? undefined : protocolLists(protocols, 'protocols')
    this.#check()
    this.#protocols.settings.setLists(lists)
  }

  /** Sets the transports towards this peer, best first; `undefined`: the device's again. Throws `ERR_WARREN_PEER_REMOVED`. */
  setTransports(names: readonly string[] | undefined): void {
    const parsed = names === undefined ? undefined : transports(names, 'transports')
    this.#check()
    this.#protocols.settings.setTransports(parsed)
  }

  /**
   * Sets the oldest version of a family that is spoken with this peer, beside the device's floor: the higher one of both holds. Throws
   * `ERR_WARREN_PEER_REMOVED`.
   */
  setFloor(protocol: string, options: FloorOptions = {}): void {
    const floor = parseFloor(protocol, options)
    this.#check()
    this.#protocols.settings.setFloor(floor)
  }

  /** Takes back the floor of this peer in the family of a protocol. Throws `ERR_WARREN_PEER_REMOVED`. */
  clearFloor(protocol: string): void {
    this.#check()
    this.#protocols.settings.clearFloor(this.#runtime.settings.families.nameOf(protocolName(protocol, 'protocol')))
  }

  /**
   * Puts one IP packet into the tunnel. False: dropped and counted, because the queue is full or the peer is gone. Throws
   * `ERR_WARREN_INVALID_PACKET`.
   */
  sendPacket(packet: Uint8Array): boolean {
    checkPacket(packet, this.#runtime.mtu)
    const { device, driver, isOpen } = this.#runtime
    const isOver = this.#removal !== undefined || !isOpen
    if (!isOver && driver.sendPacket(this.#id, packet)) return true
    publishDrop(device, 'packet', 'out', isOver ? 'closed' : 'queue-full', this.publicKey, packet.byteLength)
    return false
  }

  /** Gives figures of this moment; none once the peer is removed. */
  stats(): PeerStats {
    const { isOpen, driver, deadlines } = this.#runtime
    const figures = isOpen ? driver.peerStats(this.#id) : undefined
    if (figures === undefined) return NO_PEER_STATS
    return { ...figures, lanes: this.#lanes.now(driver.peerLanes(this.#id) ?? [], deadlines.now()) }
  }

  /** Closes its connections gracefully and forgets the peer, which is refused from then on. With `timeout: 0` at once. */
  async remove(options?: CloseOptions): Promise<void> {
    const close = parseClose(options)
    this.#removal ??= this.#remove(close)
    await this.#removal
  }

  /** Removes the peer gracefully: `await using peer = device.addPeer(options)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }

  /** Gives key, address, endpoint and whether the tunnel is up, for logs. */
  toJSON(): object {
    const { publicKey, address, endpoint, up } = this
    return { publicKey, address, endpoint, up }
  }

  /** Prints the facts of `toJSON`. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Peer ${inspect(this.toJSON(), options)}`
  }

  async #connect(
    offered: readonly string[] | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
    early: boolean,
    caller: Caller,
  ): Promise<Connection> {
    signal?.throwIfAborted()
    this.#check()
    try {
      return await this.#dials.connect(offered, timeout, signal, 'connect', early)
    } catch (error) {
      throw failureOf(error, caller)
    }
  }

  /** Lists as they were set, floors aside. */
  get #configured(): Lists {
    return this.#protocols.settings.own ?? this.#runtime.settings.lists
  }

  #makeProtocols(): PeerProtocols {
    const { publicKey } = this
    return new PeerProtocols(this.#runtime, {
      id: this.#id,
      publicKey,
      connections: this.#connections,
      routes: this.#host.connections,
      dials: () => this.#dials,
      isRemoved: () => this.#removal !== undefined,
      event: (event) => {
        this.#host.event(event)
        if (event.type === 'protocol') this.#runtime.tell(() => this.emit('protocol', event))
      },
    })
  }

  #check(): void {
    if (this.#runtime.isClosing) throw this.#runtime.closedError()
    if (this.#removal !== undefined) throw this.#removedError()
  }

  #dialFailed(cause: unknown, pause: number): void {
    const { publicKey } = this
    const error = fromNative(cause, publicKey)
    this.#host.event({ type: 'dial-failed', publicKey, error, retryInMs: Math.ceil(pause) })
  }

  #removedError(): WarrenError {
    return nativeError('peer-removed', '', { peer: this.publicKey })
  }

  async #remove(close: ParsedClose): Promise<void> {
    this.#host.leaving()
    this.#endpoints.stop()
    this.#protocols.stop()
    await Promise.resolve()
    this.#dials.end(this.#removedError())
    const { driver } = this.#runtime
    const early = this.#host.connections.early.filter(({ peer }) => peer === this)
    const all = [...this.#connections, ...early]
    if (close.timeout > 0) await Promise.all(all.map((connection) => connection.close(close)))
    if (this.#runtime.isOpen) driver.removePeer(this.#id, close.code, close.reason)
    await Promise.all(Array.from(this.#connections, ({ closed }) => closed))
    this.#removed(close.reason)
  }

  #drop(reason: string): void {
    this.#removal = Promise.resolve()
    this.#endpoints.stop()
    this.#protocols.stop()
    this.#dials.end(this.#removedError())
    this.#runtime.driver.removePeer(this.#id, 0, reason)
    this.#removed(reason)
  }

  #removed(reason: string): void {
    this.#isUp = false
    this.#runtime.spoken.forget(this.publicKey)
    this.#host.removed()
    this.#host.event({ type: 'removed', publicKey: this.publicKey, reason })
  }

  /** A tunnel that is up takes them as a hint: it stays where it is as long as it is answered there. */
  #relocate(endpoints: readonly Endpoint[]): void {
    if (this.#removal !== undefined || !this.#runtime.isOpen) return
    this.#isEndpointOld = true
    this.#runtime.driver.updatePeer(this.#id, { endpoints })
    if (!this.#isUp) this.#dials.reachable()
  }

  #receiver(): PeerReceiver<Peer> {
    const { publicKey } = this
    const { device } = this.#runtime
    return {
      up: (handshakeMs) => {
        this.#isUp = true
        this.#isEndpointOld = true
        this.#upSince = this.#runtime.clock.now()
        publishHandshake(device, () => ({ type: 'completed', publicKey, endpoint: this.endpoint, handshakeMs }))
        this.#host.event({ type: 'up', publicKey, handshakeMs })
        this.#dials.reachable()
      },
      rekeyed: () => {
        this.#isEndpointOld = true
        publishHandshake(device, () => ({
          type: 'completed',
          publicKey,
          endpoint: this.endpoint,
          handshakeMs: undefined,
        }))
        this.#host.event({ type: 'rekeyed', publicKey })
      },
      moved: (from, to) => {
        this.#endpoint = this.#endpoints.spell(to)
        this.#isEndpointOld = false
        this.#host.event({ type: 'moved', publicKey, from: from && this.#endpoints.spell(from), to: this.#endpoint })
      },
      unanswered: (to) => {
        const endpoint = this.#endpoints.spell(to)
        this.#isEndpointOld = true
        publishHandshake(device, () => ({ type: 'unanswered', publicKey, endpoint }))
        this.#dials.tried(endpoint)
        void this.#endpoints.refresh()
      },
      unreachable: (to, errno) => {
        const endpoint = this.#endpoints.spell(to)
        this.#isEndpointOld = true
        publishHandshake(device, () => ({ type: 'unreachable', publicKey, endpoint, error: systemErrorName(errno) }))
        this.#dials.tried(endpoint, errno)
        void this.#endpoints.refresh()
      },
      oversized: (length) => {
        this.#host.event({ type: 'oversized', publicKey, length })
        warnOversized(publicKey, length, this.#runtime.mtu)
      },
      down: (reason) => {
        this.#isUp = false
        this.#host.event({ type: 'down', publicKey, reason })
      },
      packet: (packet) => {
        if (!this.emit('packet', packet)) publishDrop(device, 'packet', 'in', 'no-listener', publicKey, packet.length)
      },
      early: (connection, protocol) => this.#early(connection, protocol),
      connected: (connection, initiator, protocol, theirs) => this.#connected(connection, initiator, protocol, theirs),
      hasCurrent: (protocol) => this.#protocols.current(protocol) !== undefined,
      dialRefused: (refusal) => this.#protocols.dialRefused(refusal),
      closingFacts: (protocol) => ({ peer: this, ...this.#protocols.closingFacts(protocol) }),
      endpoint: () => this.endpoint,
      isInUse: () => this.#connections.size > 0 || this.#dials.isWanted,
      silentFor: () => this.#runtime.driver.peerStats(this.#id)?.receivedAgeMs,
      drop: (reason) => this.#drop(reason),
      deviceClosing: (error) => {
        this.#endpoints.stop()
        this.#protocols.stop()
        this.#dials.end(error)
      },
    }
  }

  #connected(id: number, initiator: 'local' | 'remote', protocol: string, theirs: PeerLists): Connection | undefined {
    const isLeaving = this.#removal !== undefined && !this.#host.connections.isEarly(id)
    if (isLeaving || (this.#connections.size === 0 && !this.#host.entered())) return undefined
    const isNews = this.#protocols.greeted(theirs)
    const early = this.#host.connections.confirm(id)
    early?.confirmed(theirs.generation !== undefined)
    const connection = early?.connection ?? this.#make(id, initiator, protocol, theirs)
    this.#connections.add(connection)
    // Those who dialled it have it before moves are called off.
    this.#dials.arrived(id, connection)
    this.#protocols.arrived(connection, isNews)
    return connection
  }

  /** A dial takes what is to be sent: whoever waits for that has the connection from now on. */
  #early(id: number, protocol: string): void {
    const { dials } = this.#host
    if (this.#removal === undefined && !dials.isCancelled(id))
      this.#dials.early(id, this.#make(id, 'local', protocol, undefined))
  }

  /** `theirs` absent: it is not up. */
  #make(id: number, initiator: 'local' | 'remote', protocol: string, theirs: PeerLists | undefined): Connection {
    const { connections } = this.#host
    const facts = {
      id,
      peer: this,
      protocol,
      initiator,
      isEarly: theirs === undefined,
      ...this.#protocols.factsOf(protocol, initiator, theirs?.generation),
      queued: this.#queued,
      inbox: this.#inbox,
      streams: connections.streams,
      isPeerRemoved: () => this.#removal !== undefined,
    }
    return new Connection(facts, this.#runtime, (receiver) => {
      const watched = this.#watched(receiver)
      if (theirs === undefined) connections.addEarly(id, watched)
      else connections.add(id, watched)
      this.#lanes.add(watched)
    })
  }

  /** The connection's receiver, so that its end is known here before it is known to the application. */
  #watched(receiver: ConnectionReceiver): ConnectionReceiver {
    const { connection } = receiver
    const closed = (close: DriverClose, failure?: WarrenError): CloseReason => {
      if (this.#connections.delete(connection)) {
        this.#protocols.ended(connection, close.by === 'network' || close.cause === 'duplicate')
        this.#dials.lost(connection, close)
      }
      const reason = receiver.closed(close, failure)
      this.#lanes.ended(watched)
      if (this.#connections.size === 0) this.#host.left()
      return reason
    }
    const watched = { ...receiver, closed }
    return watched
  }
}
