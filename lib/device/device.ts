import { type InspectOptions, inspect } from 'node:util'
import { notConstructed } from '../arguments/argument-error.js'
import { type CloseOptions, type CloseReason, type ParsedClose, parseClose } from '../arguments/close.js'
import { type Endpoint, formatEndpoint } from '../arguments/endpoint.js'
import type { Connection, Message, Messages } from '../connection/connection.js'
import { publishConnection } from '../connection/connection-event.js'
import type { Driver, DriverClose, DriverPeer, PeerLists } from '../driver.js'
import { openDriver } from '../drivers/open.js'
import { worldOf } from '../drivers/world.js'
import { nativeError, type WarrenError } from '../errors.js'
import { Emitter, onNewListener } from '../events/emit.js'
import { brief, log } from '../events/log.js'
import { LaneTotals } from '../figures/lane-totals.js'
import { type DeviceStats, NO_DEVICE_STATS } from '../figures/stats.js'
import { DeviceInbox } from '../inbox/device-inbox.js'
import { type DeviceMessageFilter, parseDeviceFilter } from '../inbox/message-filter.js'
import { addressOf, type PublicKey } from '../keys.js'
import { knownAddresses } from '../peer/endpoint-rotation.js'
import { Peer } from '../peer/peer.js'
import { type PeerEvent, publishPeerEvent } from '../peer/peer-event.js'
import type { PeerFacts, PeerHost, PeerReceiver } from '../peer/peer-host.js'
import { type AuthorizedPeer, ownSecret, type PeerOptions, parsePeerOptions } from '../peer/peer-options.js'
import { keepFacts, MapView, SetView } from '../read-only.js'
import { Runtime } from '../runtime.js'
import type { ClosingVerdict } from '../versions/can-close.js'
import { type FloorOptions, parseFloor } from '../versions/floor-options.js'
import { checkAsked, type ProtocolsOption, protocolLists, protocolName } from '../versions/protocols.js'
import { transports } from '../versions/transports.js'
import type { Clock } from '../waiting/clock.js'
import { defer, tolerated } from '../waiting/deferred.js'
import { Authorizations } from './authorization.js'
import { type BroadcastOptions, type BroadcastResults, broadcast, type Encode } from './broadcast.js'
import type { CanCloseOptions } from './can-close-options.js'
import type { DeviceEvents } from './device-events.js'
import { type DeviceOptions, type ParsedDeviceOptions, parseDeviceOptions } from './device-options.js'
import { closingVerdict, type DeviceProtocols, protocolsOf } from './device-protocols.js'
import { driverOptions } from './driver-options.js'
import { hostOfPeers } from './host-of-peers.js'
import { PendingConnections } from './pending-connections.js'
import { type DeviceReceiver, Routes, receiverOf } from './routes.js'
import { Strangers } from './strangers.js'

/**
 * One node: a key, a UDP port, and its peers. Keeps the process alive while it is open, like a server of `node:net`.
 *
 * @example
 * ```js
 * const device = await Device.open({ privateKey, listen: 51820, authorize: ({ publicKey }) => friends.has(publicKey) })
 * device.on('connection', (connection) => console.log(`${connection.peer.publicKey} is here`))
 * for await (const { bytes, connection } of device.messages()) console.log(connection.peer.publicKey, bytes.toString())
 * ```
 */
export class Device extends Emitter<DeviceEvents> implements AsyncDisposable {
  /** The name of this node: the public key of its private key. */
  readonly publicKey: PublicKey
  /** The UDP address and port that it listens on. Another device takes it as `endpoint`. */
  readonly address: { readonly host: string; readonly port: number }
  /** Addresses inside the tunnel: the one derived from the key, then those of `options.addresses`. */
  readonly addresses: readonly string[]
  /** All peers by public key, those that `authorize` let in included. */
  readonly peers: ReadonlyMap<PublicKey, Peer>
  /** All live connections, in any protocol, whoever dialled. */
  readonly connections: ReadonlySet<Connection>
  /** Settles with the reason when the device has ended; never rejects. */
  readonly closed: Promise<CloseReason>

  readonly #runtime: Runtime
  readonly #routes: Routes
  readonly #inbox: DeviceInbox<Message>
  readonly #lanes = new LaneTotals()
  readonly #peers = new Map<PublicKey, Peer>()
  /** Keys of those that are being removed. */
  readonly #leaving = new Set<PublicKey>()
  readonly #connections = new Set<Connection>()
  readonly #pending: PendingConnections
  readonly #authorizations: Authorizations | undefined
  readonly #strangers: Strangers
  readonly #host: PeerHost
  readonly #end = defer<CloseReason>()
  readonly #openSince: number
  /** That of the private key if it were a public one: so that it is known without being kept. */
  readonly #secretAddress: string
  #closing: Promise<void> | undefined

  /**
   * Opens a device: checks every option, binds the port, and starts.
   *
   * Rejects with `ERR_WARREN_ADDRESS_IN_USE`, `ERR_WARREN_LISTEN_FAILED`, `ERR_WARREN_ADDON_NOT_FOUND`, the reason of `options.signal`, or
   * for an option that is wrong with a `TypeError` or `RangeError` that names it.
   *
   * @example
   * ```js
   * const privateKey = readFileSync('private.key', 'utf8').trim()
   * const device = await Device.open({ privateKey, listen: { host: '203.0.113.5', port: 51820 } })
   * ```
   */
  static async open(options: DeviceOptions): Promise<Device> {
    const parsed = parseDeviceOptions(options)
    const routes = new Routes()
    const late: { receiver: DeviceReceiver | undefined } = { receiver: undefined }
    const receiver = receiverOf(routes, () => late.receiver)
    const world = worldOf(options)
    const driver = await openDriver(parsed.driver, driverOptions(parsed), receiver, parsed.signal, world)
    return new Device(parsed, driver, world.clock, routes, (device) => {
      late.receiver = device
    })
  }

  private constructor(
    options: ParsedDeviceOptions,
    driver: Driver,
    clock: Clock,
    routes: Routes,
    attach: (receiver: DeviceReceiver) => void,
  ) {
    super()
    if (attach === undefined) throw notConstructed('A Device', 'take await Device.open(options)')
    this.publicKey = options.privateKey.publicKey
    this.address = Object.freeze({ ...driver.address })
    this.addresses = Object.freeze([addressOf(this.publicKey), ...options.addresses])
    this.peers = new MapView(this.#peers)
    this.connections = new SetView(this.#connections)
    this.closed = this.#end.promise
    keepFacts(this, 'publicKey', 'address', 'addresses', 'peers', 'connections', 'closed')
    this.#secretAddress = addressOf(options.privateKey.export())
    this.#runtime = new Runtime(driver, clock, options)
    this.#openSince = this.#runtime.clock.now()
    // First of all who watch: what they dial follows the new lists.
    this.#runtime.settings.watch(() => {
      if (this.#runtime.isOpen) driver.setProtocols(undefined, this.#runtime.settings.sent)
    })
    this.#routes = routes
    this.#inbox = new DeviceInbox(options.limits.receiveBytesPerConnection, ({ bytes }) => bytes.length)
    this.#pending = new PendingConnections(options.limits.pendingConnections, {
      hasListener: () => this.listenerCount('connection') > 0,
      emit: (connection) => this.#runtime.tell(() => this.emit('connection', connection)),
      tell: (callback) => this.#runtime.tell(callback),
      claim: (connection) => driver.claim(connection),
      ended: (connection, reason) => this.#runtime.tell(() => this.emit('connectionClose', connection, reason)),
    })
    const { forgetAfter, limits } = options
    this.#strangers = new Strangers({ forgetAfter, perAddress: limits.peersPerAddress }, clock)
    this.#authorizations = this.#makeAuthorizations(options)
    const tables = { routes, inbox: this.#inbox, lanes: this.#lanes, peers: this.#peers, leaving: this.#leaving }
    this.#host = hostOfPeers({ ...tables, strangers: this.#strangers }, (event) => this.#event(event))
    onNewListener(this, (name) => void (name === 'connection' && this.#pending.listenerAdded()))
    const { host, port } = this.address
    log.io?.(`${brief(this.publicKey)} device open, ${options.driver} driver, at ${formatEndpoint(host, port)}`)
    attach(this.#receiver())
  }

  /**
   * Adds a peer, and returns at once. One that `authorize` let in is changed as `update` would, and is permanent.
   *
   * Throws `ERR_WARREN_PEER_EXISTS` where `addPeer` added one with this key before, or where one is still being removed;
   * `ERR_WARREN_OWN_KEY`, `ERR_WARREN_TOO_MANY_PEERS`, `ERR_WARREN_ALLOWED_IP_CONFLICT`, or `ERR_WARREN_DEVICE_CLOSED`.
   *
   * @example
   * ```js
   * device.addPeer({ publicKey, endpoint: 'node.example.org:51820', connect: true })
   * ```
   */
  addPeer(options: PeerOptions): Peer {
    const parsed = parsePeerOptions(options)
    this.#check()
    const address = addressOf(parsed.publicKey)
    if (address === this.#secretAddress) throw ownSecret()
    if (this.#leaving.has(parsed.publicKey)) throw nativeError('peer-leaving', '', { peer: parsed.publicKey })
    const known = this.#peers.get(parsed.publicKey)
    if (known !== undefined && this.#strangers.has(parsed.publicKey)) return this.#adopt(known, options)
    const {
      publicKey,
      presharedKey,
      allowedIPs,
      persistentKeepalive,
      endpoint: configured,
      maxPriority,
      connect,
    } = parsed
    if (connect !== undefined) checkAsked('options.connect.protocols', connect.protocols, this.#runtime.settings.lists)
    const endpoints = knownAddresses(configured)
    const added = { publicKey, presharedKey, allowedIPs, persistentKeepalive, endpoints }
    const facts = { publicKey, address, endpoints: configured, seen: undefined, maxPriority, connect }
    const peer = this.#add(added, facts, (each) => this.#runtime.driver.addPeer(each))
    this.#authorizations?.forget(peer.publicKey)
    this.#event({ type: 'added', publicKey: peer.publicKey, by: 'addPeer' })
    return peer
  }

  /**
   * Reads messages of all connections as they come. Peers take turns by bytes; the highest priority first holds inside a peer's share.
   * The iterator competes with those of the connections: each message goes to one. Leaving the loop loses nothing. The loop ends when
   * the device is closed and nothing is left.
   *
   * @example
   * ```js
   * for await (const { bytes, connection } of device.messages()) {
   *   void device.broadcast(bytes, { except: connection, patience: 1_000 })
   * }
   * ```
   */
  messages(filter?: DeviceMessageFilter): Messages {
    const parsed = parseDeviceFilter(filter)
    this.#pending.read()
    return this.#inbox.read(parsed)
  }

  /**
   * Sends one message to many connections: copied once, before this returns, and queued for each by reference. Resolves when each
   * has admitted it, or given it up; a slow one delays none of the others. Never rejects for what a peer does.
   *
   * @example
   * ```js
   * const results = await device.broadcast(bytes, { priority: 200, patience: 1_000 })
   * for (const [connection, { settled }] of results) console.log(connection.peer.publicKey, await settled)
   * await device.broadcast(({ protocol }) => encode(protocol, block)) // once for each version that is spoken
   * ```
   */
  broadcast(bytes: Uint8Array | Encode, options: BroadcastOptions = {}): Promise<BroadcastResults> {
    try {
      return tolerated(broadcast(this.#runtime, this.#routes.connections, bytes, options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Protocols that it offers and accepts, best first, and its floors, those to come included. */
  get protocols(): DeviceProtocols {
    return protocolsOf(this.#runtime.settings)
  }

  /**
   * Sets the protocols from now on, for all peers that have none of their own. They hold for the next dial at once, connected peers are
   * told, and connections move to the version that both ends like best. Throws `ERR_WARREN_DEVICE_CLOSED`.
   *
   * @example
   * ```js
   * device.setProtocols(['ledger/2', 'ledger/1']) // offers and accepts both, and prefers the new one
   * device.setProtocols({ offer: ['ledger/1'], accept: ['ledger/1', 'ledger/2'] })
   * ```
   */
  setProtocols(protocols: ProtocolsOption): void {
    const lists = protocolLists(protocols, 'protocols')
    this.#check()
    this.#runtime.settings.setLists(lists)
  }

  /** Sets the transports from now on, best first. Throws `ERR_WARREN_DEVICE_CLOSED`. */
  setTransports(names: readonly string[]): void {
    this.#check()
    this.#runtime.settings.setTransports(transports(names, 'transports'))
  }

  /**
   * Sets the oldest version of a family that is spoken: now, or `from` a time on. What is older is neither offered nor accepted, and live
   * connections below the floor move, or are closed after a `grace`. Lowering it is the same call. Throws `ERR_WARREN_DEVICE_CLOSED`.
   *
   * @example
   * ```js
   * device.setFloor('ledger/2', { from: new Date('2027-03-01T00:00:00Z'), grace: 30_000 })
   * ```
   */
  setFloor(protocol: string, options: FloorOptions = {}): void {
    const floor = parseFloor(protocol, options)
    this.#check()
    this.#runtime.settings.floors.set(floor)
  }

  /** Takes back the floor in the family of a protocol, and the one to come. Throws `ERR_WARREN_DEVICE_CLOSED`. */
  clearFloor(protocol: string): void {
    const name = protocolName(protocol, 'protocol')
    this.#check()
    const { settings } = this.#runtime
    settings.floors.clear(settings.families.nameOf(name))
  }

  /**
   * Tells whether a protocol can be closed: each peer has another version in common with this device, and nobody has spoken this one for
   * `quietFor`. If not, `inTheWay` says who, and why.
   *
   * @example
   * ```js
   * const { ok, inTheWay } = device.canClose('ledger/1', { quietFor: 24 * 3_600_000 })
   * for (const { peer, why } of inTheWay) console.log(peer.publicKey, why)
   * ```
   */
  canClose(protocol: string, options: CanCloseOptions<Peer> = {}): ClosingVerdict<Peer> {
    return closingVerdict(this.#runtime, this.#openSince, this.#routes.peers.values(), protocol, options)
  }

  /** Gives figures of this moment; none once the device is closed. */
  stats(): DeviceStats {
    const { isOpen, driver, queued, deadlines } = this.#runtime
    if (!isOpen) return NO_DEVICE_STATS
    return {
      ...driver.stats(),
      queuedBytes: queued.total,
      leftBehindMessages: this.#inbox.leftBehindMessages,
      failedAuthorizations: this.#authorizations?.failures ?? 0,
      ...this.#strangers.counters,
      protocols: this.#runtime.spoken.all,
      lanes: this.#lanes.now(driver.deviceLanes(), deadlines.now()),
    }
  }

  /** Closes every connection gracefully, then the device; its port is free when this resolves. */
  async close(options?: CloseOptions): Promise<void> {
    const close = parseClose(options)
    this.#closing ??= this.#close(close)
    await this.#closing
  }

  /** Keeps the process alive from now on, as from the start. */
  ref(): this {
    if (this.#runtime.isOpen) this.#runtime.driver.ref()
    return this
  }

  /** Lets the process end while the device is open. */
  unref(): this {
    if (this.#runtime.isOpen) this.#runtime.driver.unref()
    return this
  }

  /** Closes gracefully: `await using device = await Device.open(options)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Gives key, address, how many peers and connections there are, and whether it is open, for logs. */
  toJSON(): object {
    const { publicKey, address, peers, connections } = this
    return { publicKey, address, peers: peers.size, connections: connections.size, open: this.#runtime.isOpen }
  }

  /** Prints the facts of `toJSON`. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Device ${inspect(this.toJSON(), options)}`
  }

  #check(): void {
    if (this.#runtime.isClosing) throw this.#runtime.closedError()
  }

  async #close({ code, reason, timeout }: ParsedClose): Promise<void> {
    if (!this.#runtime.isOpen) return
    this.#stopDialling()
    await Promise.all(this.#routes.connections.all.map((connection) => connection.close({ code, reason, timeout })))
    await this.#runtime.driver.close(code, reason)
    this.#finish({ by: 'local', code, reason, cause: 'application' }, undefined)
  }

  #stopDialling(): void {
    this.#runtime.isClosing = true
    this.#inbox.closing()
    this.#authorizations?.close()
    this.#strangers.close()
    this.#runtime.settings.stop()
    for (const receiver of this.#routes.peers.values()) receiver.deviceClosing(this.#runtime.closedError())
  }

  #failed(message: string): void {
    if (!this.#runtime.isOpen) return
    const error = nativeError('failed', message, {})
    this.#closing ??= Promise.resolve()
    this.#stopDialling()
    void this.#runtime.driver.close(0, '').catch(() => undefined)
    this.#finish({ by: 'local', code: 0, reason: message, cause: 'application' }, error)
    this.#runtime.tell(() => this.emit('error', error))
  }

  #finish(close: DriverClose, error: WarrenError | undefined): void {
    if (!this.#runtime.isOpen) return
    this.#runtime.isOpen = false
    this.#runtime.deadlines.close()
    for (const id of [...this.#routes.connections.ids]) this.#connectionClosed(id, close, error)
    this.#inbox.end()
    const reason = { by: close.by, code: close.code, reason: close.reason, error }
    log.io?.(`${brief(this.publicKey)} device closed${error === undefined ? '' : `: ${error.code}: ${error.message}`}`)
    this.#end.resolve(reason)
    this.#runtime.tell(() => this.emit('close', reason))
  }

  /** A peer that `authorize` let in is one for good from now on. */
  #adopt(peer: Peer, { publicKey: _, ...changes }: PeerOptions): Peer {
    peer.update(changes)
    this.#strangers.delete(peer.publicKey)
    this.#event({ type: 'added', publicKey: peer.publicKey, by: 'addPeer' })
    return peer
  }

  #add(options: DriverPeer, facts: Omit<PeerFacts, 'id'>, add: (peer: DriverPeer) => number): Peer {
    const { publicKey, seen } = facts
    const id = this.#strangers.withRoom(seen, publicKey, () => add(options))
    const peer = new Peer({ id, ...facts }, this.#runtime, this.#host, (receiver) => {
      this.#routes.peers.set(id, receiver)
      if (seen !== undefined) this.#strangers.add(publicKey, receiver)
    })
    this.#peers.set(publicKey, peer)
    return peer
  }

  #event(event: PeerEvent): void {
    this.#runtime.tell(() => {
      publishPeerEvent(this.publicKey, event)
      this.emit('peer', event)
    })
  }

  #receiver(): DeviceReceiver {
    return {
      connected: (id, peer, initiator, protocol, theirs) => this.#connected(id, peer, initiator, protocol, theirs),
      connectionClosed: (id, close) => this.#connectionClosed(id, close),
      stranger: (publicKey, endpoint) => {
        // It may have been added since it knocked.
        if (!this.#peers.has(publicKey)) this.#authorizations?.ask(publicKey, endpoint)
      },
      strangerGone: (publicKey) => this.#authorizations?.gone(publicKey),
      failed: (message) => this.#failed(message),
    }
  }

  #connected(
    id: number,
    peer: PeerReceiver<Peer>,
    initiator: 'local' | 'remote',
    protocol: string,
    theirs: PeerLists,
  ): void {
    const { dials, connections } = this.#routes
    // A move that this end no longer wants is made all the same: the other end has let the older connection give way.
    const isUnwanted =
      !connections.isEarly(id) && (this.#runtime.isClosing || (dials.isCancelled(id) && !peer.hasCurrent(protocol)))
    const connection = isUnwanted ? undefined : peer.connected(id, initiator, protocol, theirs)
    if (connection === undefined) {
      dials.cancel(id)
      this.#runtime.driver.closeConnection(id, 0, 'closing', 0)
      return
    }
    this.#connections.add(connection)
    publishConnection(this.publicKey, { type: 'open', connection })
    this.#pending.arrived(id, connection)
  }

  #connectionClosed(id: number, close: DriverClose, failure?: WarrenError): void {
    const receiver = this.#routes.connections.take(id)
    if (receiver !== undefined) {
      this.#connections.delete(receiver.connection)
      this.#pending.ended(receiver.connection, receiver.closed(close, failure))
    }
    this.#routes.dials.closed(id, close)
  }

  #makeAuthorizations({ authorize, authorizeTimeout, limits }: ParsedDeviceOptions): Authorizations | undefined {
    if (authorize === undefined) return undefined
    const { driver, clock } = this.#runtime
    return new Authorizations(authorize, authorizeTimeout, limits.pendingAuthorizations, clock, {
      accept: (publicKey, endpoint, peer) => this.#accept(publicKey, endpoint, peer),
      reject: (publicKey, endpoint, reason, error) => {
        if (!this.#runtime.isOpen) return
        driver.refuse(publicKey)
        this.#event({ type: 'rejected', publicKey, endpoint, reason, error })
      },
    })
  }

  #accept(publicKey: PublicKey, seen: Endpoint, authorized: AuthorizedPeer): void {
    const { maxPriority, ...rest } = authorized
    const options = { publicKey, endpoints: [], ...rest }
    try {
      if (!this.#strangers.admits(seen)) throw nativeError('too-many-of-address', '', { peer: publicKey })
      const facts = { publicKey, address: addressOf(publicKey), endpoints: [], seen, maxPriority, connect: undefined }
      this.#add(options, facts, (peer) => this.#runtime.driver.authorize(peer))
    } catch (error) {
      this.#runtime.driver.refuse(publicKey)
      this.#event({ type: 'rejected', publicKey, endpoint: seen, reason: 'error', error })
      return
    }
    this.#event({ type: 'added', publicKey, by: 'authorize' })
  }
}
