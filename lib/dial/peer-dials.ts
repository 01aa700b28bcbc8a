import { isOfFloor } from '../arguments/close-codes.js'
import type { Endpoint } from '../arguments/endpoint.js'
import type { DriverClose } from '../driver.js'
import { nativeError, type WarrenError } from '../errors.js'
import type { PublicKey } from '../keys.js'
import type { Runtime } from '../runtime.js'
import type { Floor } from '../versions/floors.js'
import type { SentLists } from '../versions/settings.js'
import { LateMap } from '../waiting/late-map.js'
import { Dial, type DialReceiver } from './dial.js'
import type { Tunnel } from './dial-error.js'
import type { DialRoutes } from './dial-routes.js'
import { type DialledBy, traced } from './dial-trace.js'
import { KeepConnected, type KeepLink, type KeepOrder } from './keep-connected.js'
import { Reconnect } from './reconnect.js'

/** A connection, as far as dialling looks at it. */
export interface Dialled {
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
  readonly isOpen: boolean
}

/** Names that a dial asks for, and the lists under which it did. */
interface Asked extends KeepOrder {
  /** Generation of this end's lists; `undefined`: whatever the newest lists of the family say, since a move asked. */
  readonly generation: number | undefined
}

/** Facts of the peer that dialling looks at. */
export interface DialledPeer<C> {
  /** Endpoint of its tunnel, and the instant since when it has had a session. */
  tunnel(): { readonly endpoint: Endpoint | undefined; readonly upSince: number | undefined }
  locate(): Promise<void>
  readonly connections: ReadonlySet<C>
  /** Lists of this end, without what is below a floor. */
  lists(): SentLists
  /** The floor that a protocol is below. */
  floorAbove(protocol: string): Floor | undefined
  /** Whether a connection is the one of its family that is used. */
  isCurrent(connection: C): boolean
  /** Whether both ends have a version of a protocol's family in common, as far as is known. */
  hasCommon(protocol: string): boolean
  /** A dial that nobody waits for failed; the next one follows after so many milliseconds. */
  dialFailed(error: unknown, pause: number): void
}

/** All dialling to one peer: calls of `connect()`, the reconnection of what they made, and the order to stay connected. */
export class PeerDials<C extends Dialled> {
  readonly #id: number
  readonly #publicKey: PublicKey
  readonly #runtime: Runtime
  readonly #routes: DialRoutes
  readonly #peer: DialledPeer<C>
  readonly #dials = new LateMap<string, { readonly dial: Dial<C>; readonly protocols: readonly string[] | undefined }>()
  /** The connections that are up: since when, and what this end offered for those that it dialled. */
  readonly #up = new LateMap<C, { readonly since: number; offer: Asked | undefined }>()
  readonly #offers = new LateMap<number, Asked>()
  /** Connections that are not up, and take what is to be sent. */
  readonly #early = new LateMap<number, C>()
  readonly #reconnect: Reconnect<Asked>
  readonly #keep: KeepConnected
  /** The peer spoke this package's protocol at some time. */
  #isWarren = false

  constructor(id: number, publicKey: PublicKey, runtime: Runtime, routes: DialRoutes, peer: DialledPeer<C>) {
    this.#id = id
    this.#publicKey = publicKey
    this.#runtime = runtime
    this.#routes = routes
    this.#peer = peer
    const failed = (error: unknown, pause: number): void => peer.dialFailed(error, pause)
    this.#reconnect = new Reconnect((asked, ...how) => this.#redial(asked, ...how), failed, runtime.clock)
    const find = (order: KeepOrder): C | undefined => this.#findFamily(this.#wanted(order.protocols))
    const dial: KeepLink['dial'] = ({ protocols }, timeout, signal) =>
      this.connect(this.#newest({ protocols, generation: undefined }), timeout, signal, 'stay-connected')
    this.#keep = new KeepConnected({ find, dial, failed }, runtime.clock)
  }

  /** `protocols`: names to offer; `undefined`: whatever this end's lists are when it dials. */
  connect(
    protocols: readonly string[] | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
    by: DialledBy,
    early = false,
  ): Promise<C> {
    const offered = this.#wanted(protocols)
    const live = this.#find(offered) ?? (early ? this.#findEarly(offered) : undefined)
    if (live !== undefined) return Promise.resolve(live)
    const below = this.#belowFloor(protocols)
    if (below !== undefined) return Promise.reject(below)
    const trace = { device: this.#runtime.device, publicKey: this.#publicKey, by, protocols: offered, timeout }
    return traced(trace, () => {
      const asked = protocols?.filter((name) => this.#peer.floorAbove(name) === undefined)
      const key = JSON.stringify([asked ?? null, by === 'move'])
      const { dial } = this.#dials.get(key) ?? this.#start(key, asked, by === 'move')
      return dial.join(timeout, signal, early)
    })
  }

  /** A dial takes what is to be sent, before it is up. */
  early(id: number, connection: C): void {
    this.#early.set(id, connection)
    for (const { dial } of [...this.#dials.values()]) if (dial.isAttempt(id)) dial.early(connection)
  }

  /** A connection to the peer is up, whoever dialled it. */
  arrived(id: number, connection: C): void {
    this.#isWarren = true
    const offer = connection.initiator === 'local' ? this.#offers.get(id) : undefined
    this.#up.set(connection, { since: this.#runtime.clock.now(), offer })
    this.#forget(id)
    for (const { dial, protocols } of [...this.#dials.values()])
      if (dial.isAttempt(id) || this.#wanted(protocols).includes(connection.protocol)) dial.arrived(connection)
    this.#keep.arrived()
  }

  /** The order to stay connected from now on. `undefined`: nothing is dialled any more unless `connect` is called. */
  keep(order: KeepOrder | undefined): void {
    this.#keep.order(order)
    if (order === undefined) this.#stopRedialling()
  }

  /** Somebody wants a connection: an order, or a call that waits. */
  get isWanted(): boolean {
    return this.#keep.current !== undefined || this.#dials.size > 0
  }

  /** The tunnel has a session, or may find another way. */
  reachable(): void {
    this.#keep.reachable()
  }

  /** A connection ended: by the order to stay connected, or as one that this end dialled and the network took, it is dialled again. */
  lost(connection: C, close: DriverClose): void {
    const up = this.#up.get(connection)
    this.#up.delete(connection)
    // One that gave way is not missed.
    if (up === undefined || this.#findFamily([connection.protocol]) !== undefined) return
    const age = this.#runtime.clock.now() - up.since
    const order = this.#keep.current
    // Nobody wanted to be without a connection, where another version of the family is common.
    const isMove = isOfFloor(close) && this.#peer.hasCommon(connection.protocol)
    const isLoss = close.by === 'network' || close.cause === 'peer-restarted' || isMove
    const isOrdered = order !== undefined && this.#areOfFamily(this.#wanted(order.protocols), connection.protocol)
    if (isOrdered) this.#keep.lost(close, isLoss, age)
    else if (up.offer !== undefined && isLoss) this.#lost(up.offer, age)
  }

  /** A connection of this family is closed, and is to be dialled anew: the order to stay connected, or a series of dials, does it. */
  again(protocol: string): void {
    this.#lost({ protocols: [protocol], generation: undefined }, Number.POSITIVE_INFINITY)
  }

  /** An initiation to there went unanswered, or was refused by the system with an error number. */
  tried(to: Endpoint, errno?: number): void {
    for (const { dial } of this.#dials.values()) {
      if (errno === undefined) dial.attempts.unanswered(to)
      else dial.attempts.unreachable(to, errno)
    }
  }

  /** The peer or the device goes away. The error is made where somebody waits. */
  end(cause: () => Error): void {
    this.#keep.stop()
    this.#stopRedialling()
    if (this.#dials.size === 0) return
    const error = cause()
    for (const { dial } of [...this.#dials.values()]) dial.fail(error)
  }

  #stopRedialling(): void {
    this.#reconnect.forget()
    for (const connection of this.#peer.connections) {
      const up = this.#up.get(connection)
      if (up !== undefined) up.offer = undefined
    }
  }

  #lost(asked: Asked, age: number): void {
    this.#reconnect.lost(asked, age, JSON.stringify(asked.protocols ?? null))
  }

  /** Names that would do: those that are asked for, or all of this end's lists. */
  #wanted(protocols: readonly string[] | undefined): readonly string[] {
    if (protocols !== undefined) return protocols
    const { offer, accept } = this.#peer.lists()
    return [...new Set([...offer, ...accept])]
  }

  /** The newest lists decide what a lost connection is dialled anew with: the names of its family that this end offers by now. */
  #newest({ protocols, generation }: Asked): readonly string[] | undefined {
    const lists = this.#peer.lists()
    if (protocols === undefined || generation === lists.generation) return protocols
    const family = lists.offer.filter((name) => this.#areOfFamily(protocols, name))
    return family.length > 0 ? family : protocols
  }

  #redial(asked: Asked, timeout: number, signal: AbortSignal): Promise<C> {
    return this.connect(this.#newest(asked), timeout, signal, 'redial')
  }

  #areOfFamily(names: readonly string[], protocol: string): boolean {
    const { families } = this.#runtime.settings
    return names.some((name) => families.areOne(name, protocol))
  }

  /** The error of a dial for protocols of which none may be offered. */
  #belowFloor(protocols: readonly string[] | undefined): WarrenError | undefined {
    const { offer, accept, leftOut } = this.#peer.lists()
    const asked = protocols ?? [...offer, ...accept, ...leftOut]
    const floors = asked.map((name) => this.#peer.floorAbove(name))
    const [floor] = floors
    if (floor === undefined || floors.includes(undefined)) return undefined
    const detail = `${asked.join(', ')}; the floor is ${floor.protocol}`
    for (const name of asked) this.#runtime.spoken.of(name).refusedBelowFloor += 1
    return nativeError('below-floor', detail, { peer: this.#publicKey, accepts: accept })
  }

  #find(offered: readonly string[]): C | undefined {
    return this.#live(({ protocol }) => offered.includes(protocol))
  }

  /** A connection in another version does as well: where a newer one is to be had, it moves by itself. */
  #findFamily(offered: readonly string[]): C | undefined {
    return this.#live(({ protocol }) => this.#areOfFamily(offered, protocol))
  }

  #live(isFit: (connection: C) => boolean): C | undefined {
    for (const connection of this.#peer.connections) {
      if (connection.isOpen && isFit(connection) && this.#peer.isCurrent(connection)) return connection
    }
    return undefined
  }

  #start(key: string, protocols: readonly string[] | undefined, isMove: boolean): { readonly dial: Dial<C> } {
    const { clock, driver } = this.#runtime
    let route: DialReceiver | undefined
    const dial = new Dial<C>({
      device: this.#runtime.device,
      publicKey: this.#publicKey,
      listens: this.#runtime.listens,
      offered: this.#wanted(protocols),
      clock,
      tunnel: () => this.#tunnel(),
      locate: () => this.#peer.locate(),
      connect: (timeout, receiver, early) => {
        const connection = driver.connect(this.#id, protocols, timeout, early)
        route = this.#dialled(connection, protocols, isMove, receiver)
        return connection
      },
      cancel: (id) => {
        this.#routes.cancel(id, route)
        if (this.#runtime.isOpen) driver.abandonDial(id)
      },
      find: () => this.#find(this.#wanted(protocols)),
      over: () => this.#dials.delete(key),
    })
    const entry = { dial, protocols }
    this.#dials.set(key, entry)
    return entry
  }

  /** Gives what is told of the connection's end. */
  #dialled(
    connection: number,
    protocols: readonly string[] | undefined,
    isMove: boolean,
    receiver: DialReceiver,
  ): DialReceiver {
    const { generation } = this.#peer.lists()
    this.#offers.set(connection, { protocols, generation: isMove ? undefined : generation })
    const route: DialReceiver = {
      closed: (close) => {
        this.#forget(connection)
        this.#isWarren ||= close.by === 'remote' || close.cause === 'duplicate'
        receiver.closed(close)
      },
    }
    this.#routes.add(connection, route)
    return route
  }

  #tunnel(): Tunnel {
    const { endpoint, upSince } = this.#peer.tunnel()
    const upFor = upSince === undefined ? undefined : this.#runtime.clock.now() - upSince
    return { endpoint, upFor, isWarren: this.#isWarren }
  }

  #findEarly(offered: readonly string[]): C | undefined {
    for (const connection of this.#early.values())
      if (connection.isOpen && offered.length === 1 && offered[0] === connection.protocol) return connection
    return undefined
  }

  #forget(id: number): void {
    this.#early.delete(id)
    this.#offers.delete(id)
    this.#routes.delete(id)
  }
}
