import { Buffer } from 'node:buffer'
import { type InspectOptions, inspect } from 'node:util'
import { coded, notConstructed } from '../arguments/argument-error.js'
import { type CloseOptions, type CloseReason, type ParsedClose, parseClose } from '../arguments/close.js'
import { type Endpoint, formatEndpoint } from '../arguments/endpoint.js'
import { driverLimits } from '../arguments/limits.js'
import { offerOf } from '../arguments/protocols.js'
import type { Connection } from '../connection/connection.js'
import { publishConnection } from '../connection/connection-event.js'
import type { Driver, DriverClose, DriverOptions, DriverPeer } from '../driver.js'
import { openDriver } from '../drivers/open.js'
import { fromNative, nativeError, type WarrenError } from '../errors.js'
import { Emitter, onNewListener } from '../events/emit.js'
import { brief, log } from '../events/log.js'
import { type DeviceStats, statsOf } from '../figures/stats.js'
import { addressOf, type PublicKey } from '../keys.js'
import { type DeviceMessageFilter, type Messages, parseDeviceFilter } from '../outbox/message.js'
import { knownAddresses } from '../peer/endpoint-rotation.js'
import { Peer, type PeerHost, type PeerReceiver } from '../peer/peer.js'
import { type PeerEvent, publishPeerEvent } from '../peer/peer-event.js'
import {
  type AuthorizedPeer,
  type ParsedPeerOptions,
  type PeerOptions,
  parsePeerOptions,
} from '../peer/peer-options.js'
import { Runtime } from '../runtime.js'
import { systemClock } from '../waiting/clock.js'
import { defer, tolerated } from '../waiting/deferred.js'
import { Authorizations } from './authorization.js'
import { type BroadcastOptions, type BroadcastResults, broadcast } from './broadcast.js'
import { type DeviceOptions, type ParsedDeviceOptions, parseDeviceOptions } from './device-options.js'
import { PendingConnections } from './pending-connections.js'
import { type DeviceReceiver, Routes, receiverOf } from './routes.js'
import { Strangers } from './strangers.js'

export interface DeviceEvents {
  /** A connection is up, once for each, whoever dialled. Those that came before the first listener wait for it. */
  connection: [connection: Connection]
  /** A connection is over, once for each that 'connection' told of, after that; or that was dialled here and ended before. */
  connectionClose: [connection: Connection, reason: CloseReason]
  /** What became of a peer or a stranger. */
  peer: [event: PeerEvent]
  /** This device is broken for good, by no fault of a peer. */
  error: [error: WarrenError]
  close: [reason: CloseReason]
}

/** One node: a key, a UDP port, and its peers. Keeps the process alive while it is open, like a server of `node:net`. */
export class Device extends Emitter<DeviceEvents> implements AsyncDisposable {
  readonly publicKey: PublicKey
  /** The UDP address and port it listens on. */
  readonly address: { readonly host: string; readonly port: number }
  /** Its addresses inside the tunnel: the one derived from its key, then those it was given. */
  readonly addresses: readonly string[]
  readonly peers: ReadonlyMap<PublicKey, Peer>
  readonly connections: ReadonlySet<Connection>
  /** Why it ended; never rejects. */
  readonly closed: Promise<CloseReason>

  readonly #runtime: Runtime
  readonly #peers = new Map<PublicKey, Peer>()
  readonly #connections = new Set<Connection>()
  readonly #pending: PendingConnections
  readonly #authorizations: Authorizations | undefined
  readonly #strangers: Strangers
  readonly #end = defer<CloseReason>()
  /** That of the private key if it were a public one: so that it is known without being kept. */
  readonly #secretAddress: string
  #closing: Promise<void> | undefined

  /** Binds the port and starts. Every option is checked. */
  static async open(options: DeviceOptions): Promise<Device> {
    const parsed = parseDeviceOptions(options)
    const routes = new Routes()
    const late: { receiver: DeviceReceiver | undefined } = { receiver: undefined }
    const receiver = receiverOf(routes, () => late.receiver)
    const driver = await openDriver(parsed.driver, driverOptions(parsed), receiver, parsed.signal)
    return new Device(parsed, driver, routes, (device) => {
      late.receiver = device
    })
  }

  private constructor(
    options: ParsedDeviceOptions,
    driver: Driver,
    routes: Routes,
    attach: (receiver: DeviceReceiver) => void,
  ) {
    super()
    if (attach === undefined) throw notConstructed('A Device', 'take await Device.open(options)')
    this.publicKey = options.privateKey.publicKey
    this.address = driver.address
    this.addresses = [addressOf(this.publicKey), ...options.addresses]
    this.peers = this.#peers
    this.connections = this.#connections
    this.closed = this.#end.promise
    this.#secretAddress = addressOf(options.privateKey.export())
    this.#runtime = new Runtime(driver, routes, systemClock, options)
    this.#pending = new PendingConnections(options.limits.pendingConnections, {
      hasListener: () => this.listenerCount('connection') > 0,
      emit: (connection) => this.#runtime.tell(() => this.emit('connection', connection)),
      tell: (callback) => this.#runtime.tell(callback),
      claim: (connection) => driver.claim(connection),
      ended: (connection, reason) => this.#runtime.tell(() => this.emit('connectionClose', connection, reason)),
    })
    const { forgetAfter, limits } = options
    this.#strangers = new Strangers({ forgetAfter, perAddress: limits.peersPerAddress }, systemClock)
    this.#authorizations = this.#makeAuthorizations(options)
    onNewListener(this, (name) => {
      if (name === 'connection') this.#pending.listenerAdded()
    })
    const { host, port } = this.address
    log.io?.(`${brief(this.publicKey)} device open, ${options.driver} driver, at ${formatEndpoint(host, port)}`)
    attach(this.#receiver())
  }

  /** Adds a peer. One that `authorize` let in is changed as `update` would, and is permanent; any other with the same key is an error. */
  addPeer(options: PeerOptions): Peer {
    const parsed = parsePeerOptions(options)
    this.#check()
    if (addressOf(parsed.publicKey) === this.#secretAddress) throw ownSecret()
    const known = this.#peers.get(parsed.publicKey)
    if (known !== undefined && this.#strangers.has(parsed.publicKey)) return this.#adopt(known, options)
    const { maxPriority: _, endpoint: configured, connect, ...rest } = parsed
    if (connect !== undefined) offerOf('options.connect.protocols', connect.protocols, this.#runtime.protocols)
    const endpoints = knownAddresses(configured)
    const peer = this.#add({ ...rest, endpoints }, parsed, undefined, (added) => this.#runtime.driver.addPeer(added))
    this.#authorizations?.forget(peer.publicKey)
    this.#event({ type: 'added', publicKey: peer.publicKey, by: 'addPeer' })
    return peer
  }

  /**
   * Messages of all connections as they come. Peers take turns by bytes; the highest priority first holds inside a peer's share.
   * It competes with the connections' own iterators: each message goes to one. Leaving the loop loses nothing. It ends when the
   * device is closed and nothing is left.
   */
  messages(filter?: DeviceMessageFilter): Messages {
    return this.#runtime.inbox.read(parseDeviceFilter(filter))
  }

  /**
   * Sends one message to many connections: copied once, before this returns, and queued for each by reference. Resolves when each
   * has admitted it, or given it up; a slow one delays none of the others. It never rejects for what a peer does.
   */
  broadcast(bytes: Uint8Array, options: BroadcastOptions = {}): Promise<BroadcastResults> {
    try {
      return tolerated(broadcast(this.#runtime, bytes, options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Figures of this moment; none once the device is closed. */
  stats(): DeviceStats {
    const { isOpen, driver, queued, inbox, laneTotals, deadlines } = this.#runtime
    if (!isOpen) return statsOf(undefined, [])
    const failedAuthorizations = this.#authorizations?.failures ?? 0
    const { leftBehindMessages } = inbox
    const counters = {
      queuedBytes: queued.total,
      leftBehindMessages,
      failedAuthorizations,
      ...this.#strangers.counters,
    }
    return statsOf({ ...driver.stats(), ...counters }, laneTotals.now(driver.deviceLanes(), deadlines.now()))
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  toJSON(): object {
    const { publicKey, address, peers, connections } = this
    return { publicKey, address, peers: peers.size, connections: connections.size, open: this.#runtime.isOpen }
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Device ${inspect(this.toJSON(), options)}`
  }

  #check(): void {
    if (this.#runtime.isClosing) throw this.#runtime.closedError()
  }

  async #close({ code, reason, timeout }: ParsedClose): Promise<void> {
    if (!this.#runtime.isOpen) return
    this.#stopDialling()
    await Promise.all(Array.from(this.#connections, (connection) => connection.close({ code, reason, timeout })))
    await this.#runtime.driver.close(code, reason)
    this.#finish({ by: 'local', code, reason, cause: 'application' }, undefined)
  }

  #stopDialling(): void {
    this.#runtime.isClosing = true
    this.#runtime.inbox.closing()
    this.#authorizations?.close()
    this.#strangers.close()
    for (const receiver of this.#runtime.routes.peers.values()) receiver.deviceClosing(this.#runtime.closedError())
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
    for (const id of [...this.#runtime.routes.connections.keys()]) this.#connectionClosed(id, close, error)
    this.#runtime.inbox.end()
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

  #add(
    options: DriverPeer,
    parsed: Pick<ParsedPeerOptions, 'endpoint' | 'maxPriority' | 'connect'>,
    seen: Endpoint | undefined,
    add: (peer: DriverPeer) => number,
  ): Peer {
    const { publicKey } = options
    const { routes } = this.#runtime
    const id = this.#withRoom(seen, () => add(options), publicKey)
    const host: PeerHost = {
      event: (event) => this.#event(event),
      entered: () => this.#strangers.entered(publicKey),
      left: () => this.#strangers.left(publicKey),
      leaving: () => this.#strangers.delete(publicKey),
      removed: () => {
        this.#peers.delete(publicKey)
        routes.peers.delete(id)
      },
    }
    const { endpoint: endpoints, maxPriority, connect } = parsed
    const facts = { id, publicKey, endpoints, seen, maxPriority, connect }
    const peer = new Peer(facts, this.#runtime, host, (receiver) => {
      routes.peers.set(id, receiver)
      if (seen !== undefined) this.#strangers.add(publicKey, receiver)
    })
    this.#peers.set(publicKey, peer)
    return peer
  }

  /** Adds; where there is no room, a stranger that is gone gives way. */
  #withRoom(from: Endpoint | undefined, add: () => number, publicKey: PublicKey): number {
    try {
      return add()
    } catch (failure) {
      const error = fromNative(failure, publicKey)
      if (error.code !== 'ERR_WARREN_TOO_MANY_PEERS' || !this.#strangers.makeRoom(from)) throw error
    }
    try {
      return add()
    } catch (failure) {
      throw fromNative(failure, publicKey)
    }
  }

  #event(event: PeerEvent): void {
    this.#runtime.tell(() => {
      publishPeerEvent(this.publicKey, event)
      this.emit('peer', event)
    })
  }

  #receiver(): DeviceReceiver {
    return {
      connected: (id, peer, initiator, protocol) => this.#connected(id, peer, initiator, protocol),
      connectionClosed: (id, close) => this.#connectionClosed(id, close),
      stranger: (publicKey, endpoint) => {
        // It may have been added since it knocked.
        if (!this.#peers.has(publicKey)) this.#authorizations?.ask(publicKey, endpoint)
      },
      strangerGone: (publicKey) => this.#authorizations?.gone(publicKey),
      failed: (message) => this.#failed(message),
    }
  }

  #connected(id: number, peer: PeerReceiver, initiator: 'local' | 'remote', protocol: string): void {
    const { cancelled } = this.#runtime.routes
    if (cancelled.has(id)) return
    const connection = this.#runtime.isClosing ? undefined : peer.connected(id, initiator, protocol)
    if (connection === undefined) {
      cancelled.add(id)
      this.#runtime.driver.closeConnection(id, 0, 'closing', 0)
      return
    }
    this.#connections.add(connection)
    publishConnection(this.publicKey, { type: 'open', connection })
    this.#pending.arrived(id, connection)
  }

  #connectionClosed(id: number, close: DriverClose, failure?: WarrenError): void {
    const { connections, dials, cancelled } = this.#runtime.routes
    cancelled.delete(id)
    const receiver = connections.get(id)
    if (receiver !== undefined) {
      connections.delete(id)
      this.#connections.delete(receiver.connection)
      const reason = receiver.closed(close, failure)
      this.#pending.ended(receiver.connection, reason)
    }
    dials.get(id)?.closed(close)
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
      this.#add(options, { endpoint: [], maxPriority, connect: undefined }, seen, (peer) =>
        this.#runtime.driver.authorize(peer),
      )
    } catch (error) {
      this.#runtime.driver.refuse(publicKey)
      this.#event({ type: 'rejected', publicKey, endpoint: seen, reason: 'error', error })
      return
    }
    this.#event({ type: 'added', publicKey, by: 'authorize' })
  }
}

function ownSecret(): RangeError {
  const message = 'options.publicKey must be the public key of the peer; got the private key of this device'
  return coded(new RangeError(message), 'ERR_WARREN_INVALID_KEY')
}

function driverOptions(options: ParsedDeviceOptions): DriverOptions {
  const { listen, protocols, mtu, authorize, authorizeTimeout, deadAfter, heartbeat, uplink, lanes, limits } = options
  const privateKey = Buffer.from(options.privateKey.export(), 'base64')
  const shared = { listen, protocols, mtu, authorizeTimeout, deadAfter, heartbeat, uplink, lanes: [...lanes.values()] }
  return { ...shared, privateKey, authorize: authorize !== undefined, limits: driverLimits(limits) }
}
