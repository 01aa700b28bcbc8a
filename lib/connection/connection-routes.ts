import type { Connection, ConnectionReceiver } from './connection.js'
import type { StreamRoutes } from './connection-streams.js'

/** The connections of a device and their streams, by the ids of its driver. */
export class ConnectionRoutes {
  readonly streams: StreamRoutes = new Map()
  readonly #live = new Map<number, ConnectionReceiver>()
  /** Connections that their dialler has, and that are not up. */
  readonly #early = new Set<number>()
  /** Live and past ones, for whoever still knows them. */
  readonly #known = new WeakMap<Connection, ConnectionReceiver>()

  add(id: number, receiver: ConnectionReceiver): void {
    this.#live.set(id, receiver)
    this.#known.set(receiver.connection, receiver)
  }

  /** Adds one that its dialler has before it is up. */
  addEarly(id: number, receiver: ConnectionReceiver): void {
    this.#early.add(id)
    this.add(id, receiver)
  }

  /** Whether it was added early, and is not up. */
  isEarly(id: number): boolean {
    return this.#early.has(id)
  }

  /** One that was added early is up. `undefined`: none was. */
  confirm(id: number): ConnectionReceiver | undefined {
    return this.#early.delete(id) ? this.#live.get(id) : undefined
  }

  /** Takes one out that is over. It is still recognised. */
  take(id: number): ConnectionReceiver | undefined {
    const receiver = this.#live.get(id)
    this.#live.delete(id)
    this.#early.delete(id)
    return receiver
  }

  get(id: number): ConnectionReceiver | undefined {
    return this.#live.get(id)
  }

  get ids(): Iterable<number> {
    return this.#live.keys()
  }

  /** Connections that are up. */
  get live(): Iterable<ConnectionReceiver> {
    if (this.#early.size === 0) return this.#live.values()
    return Array.from(this.#live).flatMap(([id, receiver]) => (this.#early.has(id) ? [] : [receiver]))
  }

  /** Connections that are up, and those that are not yet. */
  get all(): Connection[] {
    return Array.from(this.#live.values(), ({ connection }) => connection)
  }

  /** Connections that are not up yet. */
  get early(): Connection[] {
    return Array.from(this.#early).flatMap((id) => this.#live.get(id)?.connection ?? [])
  }

  /** The receiver of a connection of this device, live or past. */
  of(connection: Connection): ConnectionReceiver | undefined {
    return this.#known.get(connection)
  }
}
