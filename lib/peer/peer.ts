import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { type InspectOptions, inspect } from 'node:util'
import { type CloseOptions, parseClose } from '../arguments/close.js'
import type { Endpoint } from '../arguments/endpoint.js'
import { checkPacket } from '../arguments/packet.js'
import type { Connection } from '../connection/connection.js'
import { failureOf, fromNative } from '../errors.js'
import { publishDrop } from '../events/drop.js'
import { NO_PEER_STATS, type PeerStats } from '../figures/stats.js'
import type { PublicKey } from '../keys.js'
import { SetView } from '../read-only.js'
import type { Runtime } from '../runtime.js'
import type { Lists } from '../versions/choice.js'
import { type FloorOptions, parseFloor } from '../versions/floor-options.js'
import { checkAsked, type ProtocolsOption, protocolLists, protocolName } from '../versions/protocols.js'
import { transports } from '../versions/transports.js'
import { type Caller, callerOf } from '../waiting/caller.js'
import { tolerated } from '../waiting/deferred.js'
import { type ConnectOptions, parseConnect } from './connect-options.js'
import { knownAddresses } from './endpoint-rotation.js'
import type { FamilyState } from './family-state.js'
import { PeerCore } from './peer-core.js'
import type { ProtocolEvent } from './peer-event.js'
import type { PeerFacts, PeerHost, PeerReceiver } from './peer-host.js'
import { type PeerChanges, parsePeerChanges } from './peer-options.js'

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
  readonly #publicKey: PublicKey
  readonly #address: string
  readonly #runtime: Runtime
  readonly #core: PeerCore
  #connectionsView: ReadonlySet<Connection> | undefined

  constructor(facts: PeerFacts, runtime: Runtime, host: PeerHost, attach: (receiver: PeerReceiver<Peer>) => void) {
    super()
    this.#publicKey = facts.publicKey
    this.#address = facts.address
    this.#runtime = runtime
    this.#core = new PeerCore(this, facts, runtime, host)
    attach(this.#core)
    if (facts.connect !== undefined) this.#core.dialling.keep(facts.connect)
  }

  /** The name of the node: its public key. */
  get publicKey(): PublicKey {
    return this.#publicKey
  }

  /** The address inside the tunnel, derived from the key. */
  get address(): string {
    return this.#address
  }

  /** The address and port that it is reached at now, or the first that was configured; `undefined` where nobody said. */
  get endpoint(): Endpoint | undefined {
    return this.#core.endpoint()
  }

  /** Live connections of this peer, in any protocol. */
  get connections(): ReadonlySet<Connection> {
    this.#connectionsView ??= new SetView(this.#core.connections)
    return this.#connectionsView
  }

  /**
   * Protocols between this device and the peer, by family: the versions that the peer offers and accepts, as it told last, and the one
   * that is spoken. The lists of a peer that was never connected are empty.
   */
  get protocols(): ReadonlyMap<string, FamilyState> {
    return this.#core.protocols.view
  }

  /** True while the tunnel has a session. */
  get up(): boolean {
    return this.#core.isUp()
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
      this.#runtime.driver.updatePeer(this.#core.id, { ...rest, ...(isGiven && { endpoints: addresses }) })
    } catch (error) {
      throw fromNative(error, this.publicKey)
    }
    if (maxPriority !== undefined) this.#core.inbox.maxPriority = maxPriority
    if (endpoints !== undefined) this.#core.configure(endpoints)
    if (connect !== undefined) this.#core.dialling.keep(connect ?? undefined)
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
    this.#core.protocols.settings.setLists(lists)
  }

  /** Sets the transports towards this peer, best first; `undefined`: the device's again. Throws `ERR_WARREN_PEER_REMOVED`. */
  setTransports(names: readonly string[] | undefined): void {
    const parsed = names === undefined ? undefined : transports(names, 'transports')
    this.#check()
    this.#core.protocols.settings.setTransports(parsed)
  }

  /**
   * Sets the oldest version of a family that is spoken with this peer, beside the device's floor: the higher one of both holds. Throws
   * `ERR_WARREN_PEER_REMOVED`.
   */
  setFloor(protocol: string, options: FloorOptions = {}): void {
    const floor = parseFloor(protocol, options)
    this.#check()
    this.#core.protocols.settings.setFloor(floor)
  }

  /** Takes back the floor of this peer in the family of a protocol. Throws `ERR_WARREN_PEER_REMOVED`. */
  clearFloor(protocol: string): void {
    this.#check()
    this.#core.protocols.settings.clearFloor(this.#runtime.settings.families.nameOf(protocolName(protocol, 'protocol')))
  }

  /**
   * Puts one IP packet into the tunnel. False: dropped and counted, because the queue is full or the peer is gone. Throws
   * `ERR_WARREN_INVALID_PACKET`.
   */
  sendPacket(packet: Uint8Array): boolean {
    checkPacket(packet, this.#runtime.mtu)
    const { device, driver, isOpen } = this.#runtime
    const isOver = this.#core.isRemoved() || !isOpen
    if (!isOver && driver.sendPacket(this.#core.id, packet)) return true
    publishDrop(device, 'packet', 'out', isOver ? 'closed' : 'queue-full', this.publicKey, packet.byteLength)
    return false
  }

  /** Gives figures of this moment; none once the peer is removed. */
  stats(): PeerStats {
    const { isOpen, driver, deadlines } = this.#runtime
    const figures = isOpen ? driver.peerStats(this.#core.id) : undefined
    if (figures === undefined) return NO_PEER_STATS
    return { ...figures, lanes: this.#core.lanes.now(driver.peerLanes(this.#core.id) ?? [], deadlines.now()) }
  }

  /** Closes its connections gracefully and forgets the peer, which is refused from then on. With `timeout: 0` at once. */
  async remove(options?: CloseOptions): Promise<void> {
    await this.#core.remove(parseClose(options))
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
      return await this.#core.dialling.connect(offered, timeout, signal, 'connect', early)
    } catch (error) {
      throw failureOf(error, caller)
    }
  }

  /** Lists as they were set, floors aside. */
  get #configured(): Lists {
    return this.#core.protocols.settings.own ?? this.#runtime.settings.lists
  }

  #check(): void {
    if (this.#runtime.isClosing) throw this.#runtime.closedError()
    if (this.#core.isRemoved()) throw this.#core.removedError()
  }
}
