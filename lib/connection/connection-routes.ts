import type { Connection, ConnectionReceiver } from './connection.js'
import type { StreamRoutes } from './connection-streams.js'

/** The connections of a device and their streams, by the ids of its driver. */
export class ConnectionRoutes {
  readonly streams: StreamRoutes = new Map()
  readonly #live = new Map<number, ConnectionReceiver>()
  /** Live and past ones, for whoever still knows them. */
  readonly #known = new WeakMap<Connection, ConnectionReceiver>()

  add(id: number, receiver: ConnectionReceiver): void {
    this.#live.set(id, receiver)
    this.#known.set(receiver.connection, receiver)
  }

  /** Takes one out that is over. It is still recognised. */
  take(id: number): ConnectionReceiver | undefined {
    const receiver = this.#live.get(id)
    this.#live.delete(id)
    return receiver
  }

  get(id: number): ConnectionReceiver | undefined {
    return this.#live.get(id)
  }

  get ids(): Iterable<number> {
    return this.#live.keys()
  }

  get live(): Iterable<ConnectionReceiver> {
    return this.#live.values()
  }

  /** The receiver of a connection of this device, live or past. */
  of(connection: Connection): ConnectionReceiver | undefined {
    return this.#known.get(connection)
  }
}
