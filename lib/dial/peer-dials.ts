import type { Endpoint } from '../arguments/endpoint.js'
import type { DriverClose } from '../driver.js'
import type { PublicKey } from '../keys.js'
import type { Runtime } from '../runtime.js'
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

/** Facts of the peer that dialling looks at. */
export interface DialledPeer<C> {
  /** Endpoint of its tunnel, and the instant since when it has had a session. */
  tunnel(): { readonly endpoint: Endpoint | undefined; readonly upSince: number | undefined }
  locate(): Promise<void>
  readonly connections: ReadonlySet<C>
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
  readonly #dials = new Map<string, { readonly dial: Dial<C>; readonly offered: readonly string[] }>()
  /** The connections that are up: since when, and what this end offered for those that it dialled. */
  readonly #up = new WeakMap<C, { readonly since: number; offer: KeepOrder | undefined }>()
  readonly #offers = new Map<number, readonly string[] | undefined>()
  readonly #reconnect: Reconnect
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
    this.#reconnect = new Reconnect((...dial) => this.connect(...dial, 'redial'), failed, runtime.clock)
    const find = (order: KeepOrder): C | undefined => this.#find(this.#offered(order))
    const dial: KeepLink['dial'] = ({ protocols }, timeout, signal) =>
      this.connect(protocols, timeout, signal, 'stay-connected')
    this.#keep = new KeepConnected({ find, dial, failed }, runtime.clock)
  }

  connect(
    protocols: readonly string[] | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
    by: DialledBy,
  ): Promise<C> {
    const offered = protocols ?? this.#runtime.protocols
    const live = this.#find(offered)
    if (live !== undefined) return Promise.resolve(live)
    const trace = { device: this.#runtime.device, publicKey: this.#publicKey, by, protocols: offered, timeout }
    return traced(trace, () => {
      const key = JSON.stringify(offered)
      const { dial } = this.#dials.get(key) ?? this.#start(key, protocols, offered)
      return dial.join(timeout, signal)
    })
  }

  /** A connection to the peer is up, whoever dialled it. */
  arrived(id: number, connection: C): void {
    this.#isWarren = true
    const offer = connection.initiator === 'local' ? { protocols: this.#offers.get(id) } : undefined
    this.#up.set(connection, { since: this.#runtime.clock.now(), offer })
    this.#forget(id)
    for (const { dial, offered } of [...this.#dials.values()])
      if (offered.includes(connection.protocol)) dial.arrived(connection)
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
    if (up === undefined) return
    const age = this.#runtime.clock.now() - up.since
    const order = this.#keep.current
    const isLoss = close.by === 'network' || close.cause === 'peer-restarted'
    if (order !== undefined && this.#offered(order).includes(connection.protocol)) this.#keep.lost(close, age)
    else if (up.offer !== undefined && isLoss) this.#reconnect.lost(up.offer.protocols, age)
  }

  /** An initiation to there went unanswered, or was refused by the system with an error number. */
  tried(to: Endpoint, errno?: number): void {
    for (const { dial } of this.#dials.values()) {
      if (errno === undefined) dial.attempts.unanswered(to)
      else dial.attempts.unreachable(to, errno)
    }
  }

  /** The peer or the device goes away. */
  end(error: Error): void {
    this.#keep.stop()
    this.#stopRedialling()
    for (const { dial } of [...this.#dials.values()]) dial.fail(error)
  }

  #stopRedialling(): void {
    this.#reconnect.forget()
    for (const connection of this.#peer.connections) {
      const up = this.#up.get(connection)
      if (up !== undefined) up.offer = undefined
    }
  }

  #offered({ protocols }: KeepOrder): readonly string[] {
    return protocols ?? this.#runtime.protocols
  }

  #find(offered: readonly string[]): C | undefined {
    for (const connection of this.#peer.connections) {
      if (connection.isOpen && offered.includes(connection.protocol)) return connection
    }
    return undefined
  }

  #start(
    key: string,
    protocols: readonly string[] | undefined,
    offered: readonly string[],
  ): { readonly dial: Dial<C> } {
    const { clock, driver } = this.#runtime
    const dial = new Dial<C>({
      device: this.#runtime.device,
      publicKey: this.#publicKey,
      listens: this.#runtime.listens,
      offered,
      clock,
      tunnel: () => this.#tunnel(),
      locate: () => this.#peer.locate(),
      connect: (timeout, receiver) => this.#dial(protocols, timeout, receiver),
      cancel: (id) => {
        this.#forget(id)
        this.#routes.cancel(id)
        if (this.#runtime.isOpen) driver.closeConnection(id, 0, '', 0)
      },
      find: () => this.#find(offered),
      over: () => this.#dials.delete(key),
    })
    const entry = { dial, offered }
    this.#dials.set(key, entry)
    return entry
  }

  #dial(protocols: readonly string[] | undefined, timeout: number, receiver: DialReceiver): number {
    const { connection } = this.#runtime.driver.connect(this.#id, protocols, timeout)
    this.#offers.set(connection, protocols)
    this.#routes.add(connection, {
      closed: (close) => {
        this.#forget(connection)
        this.#isWarren ||= close.by === 'remote' || close.cause === 'duplicate'
        receiver.closed(close)
      },
    })
    return connection
  }

  #tunnel(): Tunnel {
    const { endpoint, upSince } = this.#peer.tunnel()
    const upFor = upSince === undefined ? undefined : this.#runtime.clock.now() - upSince
    return { endpoint, upFor, isWarren: this.#isWarren }
  }

  #forget(id: number): void {
    this.#offers.delete(id)
    this.#routes.delete(id)
  }
}
