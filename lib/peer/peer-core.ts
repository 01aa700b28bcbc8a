import type { Buffer } from 'node:buffer'
import type { CloseReason, ParsedClose } from '../arguments/close.js'
import { type Endpoint, type ParsedEndpoint, spellEndpoint } from '../arguments/endpoint.js'
import { Connection, type ConnectionReceiver, type Message } from '../connection/connection.js'
import type { ConnectionRoutes } from '../connection/connection-routes.js'
import { systemErrorName } from '../dial/attempts.js'
import { type DialledPeer, PeerDials } from '../dial/peer-dials.js'
import type { DriverClose, PeerLists } from '../driver.js'
import { fromNative, nativeError, type WarrenError } from '../errors.js'
import { publishDrop } from '../events/drop.js'
import { LaneTotals } from '../figures/lane-totals.js'
import { PeerInbox } from '../inbox/peer-inbox.js'
import type { PublicKey } from '../keys.js'
import { QueuedBytes } from '../outbox/queued-bytes.js'
import type { Runtime } from '../runtime.js'
import type { ClosingFacts } from '../versions/can-close.js'
import type { Floor } from '../versions/floors.js'
import type { SentLists } from '../versions/settings.js'
import type { Clock } from '../waiting/clock.js'
import { Endpoints, type EndpointsLink } from './endpoint-rotation.js'
import { type HandshakeEvent, publishHandshake } from './handshake-event.js'
import { warnOversized } from './oversized.js'
import type { PeerEvent } from './peer-event.js'
import type { PeerFacts, PeerHost, PeerReceiver, RefusedDial } from './peer-host.js'
import { PeerProtocols, type ProtocolsLink } from './peer-protocols.js'

type Peer = Connection['peer']

/**
 * A peer behind its API, as its parts and the events of its driver see it. One object is all their links: with a closure for each
 * of these methods a peer took 3 KB more.
 */
export class PeerCore implements PeerReceiver<Peer>, DialledPeer<Connection>, EndpointsLink, ProtocolsLink {
  readonly id: number
  /** Live connections. */
  readonly connections = new Set<Connection>()
  readonly inbox: PeerInbox<Message>
  readonly lanes: LaneTotals
  readonly protocols: PeerProtocols
  readonly dialling: PeerDials<Connection>
  readonly #peer: Peer
  readonly #runtime: Runtime
  readonly #host: PeerHost
  readonly #queued: QueuedBytes
  readonly #endpoints: Endpoints
  /** Endpoint that the driver sends to, as far as was asked. */
  #endpoint: Endpoint | undefined
  /** It may be elsewhere by now. */
  #isEndpointOld = true
  #isUp = false
  /** Instant of the first session in the present run of sessions. */
  #upSince = 0
  #removal: Promise<void> | undefined

  constructor(peer: Peer, facts: PeerFacts, runtime: Runtime, host: PeerHost) {
    this.#peer = peer
    this.id = facts.id
    this.#runtime = runtime
    this.#host = host
    this.#queued = new QueuedBytes(runtime.limits.queuedBytesPerPeer, runtime.queued)
    this.inbox = new PeerInbox(host.inbox, facts.maxPriority)
    this.lanes = new LaneTotals(host.lanes)
    this.#endpoint = facts.seen
    this.#endpoints = new Endpoints(this)
    this.protocols = new PeerProtocols(runtime, this)
    this.dialling = new PeerDials(facts.id, facts.publicKey, runtime, host.dials, this)
    this.#endpoints.configure(facts.endpoints)
  }

  get publicKey(): PublicKey {
    return this.#peer.publicKey
  }

  get clock(): Clock {
    return this.#runtime.clock
  }

  /** All connections of the device. */
  get routes(): ConnectionRoutes {
    return this.#host.connections
  }

  /** The address and port that it is reached at now, or the first that was configured. */
  endpoint(): Endpoint | undefined {
    if (this.#isEndpointOld && this.#removal === undefined && this.#runtime.isOpen) {
      this.#isEndpointOld = false
      const endpoint = this.#runtime.driver.peerEndpoint(this.id)
      if (endpoint !== undefined) this.#endpoint = this.#endpoints.spell(spellEndpoint(endpoint))
    }
    return this.#endpoint ?? this.#endpoints.first
  }

  /** Takes other endpoints, of which the driver has those addresses that are known. */
  configure(endpoints: readonly ParsedEndpoint[]): void {
    this.#isEndpointOld = true
    this.#endpoints.configure(endpoints)
    this.dialling.reachable()
  }

  /** Resolves when it is forgotten; a second call waits for the first. */
  remove(close: ParsedClose): Promise<void> {
    this.#removal ??= this.#remove(close)
    return this.#removal
  }

  isRemoved(): boolean {
    return this.#removal !== undefined
  }

  removedError(): WarrenError {
    return nativeError('peer-removed', '', { peer: this.publicKey })
  }

  up(handshakeMs: number, endpoint: Endpoint | undefined): void {
    const { publicKey } = this
    this.#isUp = true
    this.#isEndpointOld = endpoint === undefined
    if (endpoint !== undefined) this.#endpoint = this.#endpoints.spell(endpoint)
    this.#upSince = this.clock.now()
    this.#publish(() => ({ type: 'completed', publicKey, endpoint: this.endpoint(), handshakeMs }))
    this.event({ type: 'up', publicKey, handshakeMs })
    this.dialling.reachable()
  }

  rekeyed(): void {
    const { publicKey } = this
    this.#isEndpointOld = true
    this.#publish(() => ({ type: 'completed', publicKey, endpoint: this.endpoint(), handshakeMs: undefined }))
    this.event({ type: 'rekeyed', publicKey })
  }

  moved(from: Endpoint | undefined, to: Endpoint): void {
    const { publicKey } = this
    this.#endpoint = this.#endpoints.spell(to)
    this.#isEndpointOld = false
    this.event({ type: 'moved', publicKey, from: from && this.#endpoints.spell(from), to: this.#endpoint })
  }

  unanswered(to: Endpoint): void {
    const { publicKey } = this
    const endpoint = this.#endpoints.spell(to)
    this.#isEndpointOld = true
    this.#publish(() => ({ type: 'unanswered', publicKey, endpoint }))
    this.dialling.tried(endpoint)
    void this.#endpoints.refresh()
  }

  unreachable(to: Endpoint, errno: number): void {
    const { publicKey } = this
    const endpoint = this.#endpoints.spell(to)
    this.#isEndpointOld = true
    this.#publish(() => ({ type: 'unreachable', publicKey, endpoint, error: systemErrorName(errno) }))
    this.dialling.tried(endpoint, errno)
    void this.#endpoints.refresh()
  }

  oversized(length: number): void {
    const { publicKey } = this
    this.event({ type: 'oversized', publicKey, length })
    warnOversized(publicKey, length, this.#runtime.mtu)
  }

  down(reason: 'expired' | 'handshake-timeout' | 'left'): void {
    this.#isUp = false
    this.event({ type: 'down', publicKey: this.publicKey, reason })
  }

  packet(packet: Buffer): void {
    if (this.#peer.emit('packet', packet)) return
    publishDrop(this.#runtime.device, 'packet', 'in', 'no-listener', this.publicKey, packet.length)
  }

  /** A dial takes what is to be sent: whoever waits for that has the connection from now on. */
  early(id: number, protocol: string): void {
    const { dials } = this.#host
    if (this.#removal === undefined && !dials.isCancelled(id))
      this.dialling.early(id, this.#make(id, 'local', protocol, undefined))
  }

  connected(id: number, initiator: 'local' | 'remote', protocol: string, theirs: PeerLists): Connection | undefined {
    const isLeaving = this.#removal !== undefined && !this.#host.connections.isEarly(id)
    if (isLeaving || (this.connections.size === 0 && !this.#host.entered(this.publicKey))) return undefined
    const isNews = this.protocols.greeted(theirs)
    const early = this.#host.connections.confirm(id)
    early?.confirmed(theirs.generation !== undefined)
    const connection = early?.connection ?? this.#make(id, initiator, protocol, theirs)
    this.connections.add(connection)
    // Those who dialled it have it before moves are called off.
    this.dialling.arrived(id, connection)
    this.protocols.arrived(connection, isNews)
    return connection
  }

  hasCurrent(protocol: string): boolean {
    return this.protocols.current(protocol) !== undefined
  }

  dialRefused(refusal: RefusedDial): void {
    this.protocols.dialRefused(refusal)
  }

  closingFacts(protocol: string): ClosingFacts<Peer> {
    return { peer: this.#peer, ...this.protocols.closingFacts(protocol) }
  }

  isInUse(): boolean {
    return this.connections.size > 0 || this.dialling.isWanted
  }

  silentFor(): number | undefined {
    return this.#runtime.driver.peerStats(this.id)?.receivedAgeMs
  }

  drop(reason: string): void {
    this.#removal = Promise.resolve()
    this.#leave(() => this.removedError())
    this.#runtime.driver.removePeer(this.id, 0, reason)
    this.#removed(reason)
  }

  deviceClosing(error: Error): void {
    this.#leave(() => error)
  }

  isUp(): boolean {
    return this.#isUp
  }

  /** A tunnel that is up takes them as a hint: it stays where it is as long as it is answered there. */
  changed(endpoints: readonly Endpoint[]): void {
    if (this.#removal !== undefined || !this.#runtime.isOpen) return
    this.#isEndpointOld = true
    this.#runtime.driver.updatePeer(this.id, { endpoints })
    if (!this.#isUp) this.dialling.reachable()
  }

  tunnel(): ReturnType<DialledPeer<Connection>['tunnel']> {
    return { endpoint: this.endpoint(), upSince: this.#isUp ? this.#upSince : undefined }
  }

  locate(): Promise<void> {
    return this.#endpoints.locate()
  }

  lists(): SentLists {
    return this.protocols.mine
  }

  floorAbove(protocol: string): Floor | undefined {
    return this.protocols.settings.floorAbove(protocol)
  }

  isCurrent(connection: Connection): boolean {
    return this.protocols.isCurrent(connection)
  }

  hasCommon(protocol: string): boolean {
    return this.protocols.hasCommon(protocol)
  }

  dialFailed(cause: unknown, pause: number): void {
    const { publicKey } = this
    const error = fromNative(cause, publicKey)
    this.#host.event({ type: 'dial-failed', publicKey, error, retryInMs: Math.ceil(pause) })
  }

  dials(): PeerDials<Connection> {
    return this.dialling
  }

  event(event: PeerEvent): void {
    this.#host.event(event)
    if (event.type === 'protocol') this.#runtime.tell(() => this.#peer.emit('protocol', event))
  }

  #publish(makeEvent: () => HandshakeEvent): void {
    publishHandshake(this.#runtime.device, makeEvent)
  }

  async #remove(close: ParsedClose): Promise<void> {
    this.#host.leaving(this.publicKey)
    this.#stop()
    await Promise.resolve()
    this.dialling.end(() => this.removedError())
    const { driver } = this.#runtime
    const early = this.#host.connections.early.filter(({ peer }) => peer === this.#peer)
    const all = [...this.connections, ...early]
    if (close.timeout > 0) await Promise.all(all.map((connection) => connection.close(close)))
    if (this.#runtime.isOpen) driver.removePeer(this.id, close.code, close.reason)
    await Promise.all(Array.from(this.connections, ({ closed }) => closed))
    this.#removed(close.reason)
  }

  #leave(cause: () => Error): void {
    this.#stop()
    this.dialling.end(cause)
  }

  #stop(): void {
    this.#endpoints.stop()
    this.protocols.stop()
  }

  #removed(reason: string): void {
    this.#isUp = false
    this.#runtime.spoken.forget(this.publicKey)
    this.#host.removed(this.publicKey, this.id)
    this.#host.event({ type: 'removed', publicKey: this.publicKey, reason })
  }

  /** `theirs` absent: it is not up. */
  #make(id: number, initiator: 'local' | 'remote', protocol: string, theirs: PeerLists | undefined): Connection {
    const { connections } = this.#host
    const facts = {
      id,
      peer: this.#peer,
      protocol,
      initiator,
      isEarly: theirs === undefined,
      ...this.protocols.factsOf(protocol, initiator, theirs?.generation),
      queued: this.#queued,
      inbox: this.inbox,
      streams: connections.streams,
      isPeerRemoved: () => this.#removal !== undefined,
    }
    return new Connection(facts, this.#runtime, (receiver) => {
      const watched = this.#watched(receiver)
      if (theirs === undefined) connections.addEarly(id, watched)
      else connections.add(id, watched)
      this.lanes.add(watched)
    })
  }

  /** The connection's receiver, so that its end is known here before it is known to the application. */
  #watched(receiver: ConnectionReceiver): ConnectionReceiver {
    const { connection, closed: end } = receiver
    const closed = (close: DriverClose, failure?: WarrenError): CloseReason => {
      if (this.connections.delete(connection)) {
        this.protocols.ended(connection, close.by === 'network' || close.cause === 'duplicate')
        this.dialling.lost(connection, close)
      }
      const reason = end(close, failure)
      this.lanes.ended(receiver)
      if (this.connections.size === 0) this.#host.left(this.publicKey)
      return reason
    }
    return Object.assign(receiver, { closed })
  }
}
