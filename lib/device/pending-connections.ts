import type { CloseReason } from '../arguments/close.js'
import type { Connection } from '../connection/connection.js'
import { HeldEvents, type Listening } from '../events/held-events.js'

/** Target of new connections. */
export interface ConnectionTaker extends Listening<Connection> {
  /** The driver need not count it as pending any more. */
  claim(connection: number): void
  /** A connection is over: told after `emit` of the same one, or of one that this end dialled and that nobody was told of. */
  ended(connection: Connection, reason: CloseReason): void
}

/** Connections that no listener has been told of yet. */
export class PendingConnections {
  readonly #most: number
  readonly #taker: ConnectionTaker
  readonly #held: HeldEvents<Held>
  /** Connections that were up. */
  readonly #arrived = new WeakSet<Connection>()
  /** Connections that the application was told of. */
  readonly #told = new WeakSet<Connection>()
  /** Connections that the driver counts no more. */
  readonly #claimed = new WeakSet<Connection>()
  /** Their messages are read by the device's iterator, so they are taken though no listener was told of them. */
  #areRead = false
  /** Ends of connections that it has yet to be told of. */
  readonly #ended = new WeakMap<Connection, CloseReason>()

  constructor(most: number, taker: ConnectionTaker) {
    this.#most = most
    this.#taker = taker
    this.#held = new HeldEvents({
      hasListener: () => taker.hasListener(),
      tell: (callback) => taker.tell(callback),
      emit: ({ id, connection }) => {
        this.#claim({ id, connection })
        this.#told.add(connection)
        taker.emit(connection)
        const reason = this.#ended.get(connection)
        if (reason !== undefined) taker.ended(connection, reason)
      },
    })
  }

  listenerAdded(): void {
    this.#held.listenerAdded()
  }

  /** Somebody reads the messages of all connections: none waits for a listener any more to be taken. */
  read(): void {
    if (this.#areRead) return
    this.#areRead = true
    for (const held of this.#held) this.#claim(held)
  }

  /** A connection is over. Nobody is told of one that never was up. One that this end dialled is known to its dialler; another may have brought messages. */
  ended(connection: Connection, reason: CloseReason): void {
    if (!this.#arrived.has(connection)) return
    const isKnown = this.#told.has(connection) || connection.initiator === 'local'
    if (connection.initiator === 'local') this.#held.drop((held) => held.connection === connection)
    if (isKnown) this.#taker.ended(connection, reason)
    else this.#ended.set(connection, reason)
  }

  /** A connection is up. Live ones that nobody takes are bounded by the driver; of those that ended, the newest are kept. */
  arrived(id: number, connection: Connection): void {
    this.#arrived.add(connection)
    if (this.#areRead) this.#claim({ id, connection })
    this.#held.emit({ id, connection })
    if (this.#held.length <= this.#most) return
    const over = this.#held.length - this.#most
    let dropped = 0
    this.#held.drop((held) => {
      const isStale = !held.connection.isOpen && dropped < over
      if (isStale) dropped += 1
      return isStale
    })
  }

  #claim({ id, connection }: Held): void {
    if (connection.initiator !== 'remote' || this.#claimed.has(connection)) return
    this.#claimed.add(connection)
    this.#taker.claim(id)
  }
}

interface Held {
  readonly id: number
  readonly connection: Connection
}
