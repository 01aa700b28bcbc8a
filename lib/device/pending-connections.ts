import type { Connection } from '../connection/connection.js'
import { HeldEvents, type Listening } from '../events/held-events.js'

/** Target of new connections. */
export interface ConnectionTaker extends Listening<Connection> {
  /** The driver need not count it as pending any more. */
  claim(connection: number): void
}

/** Connections that no listener has been told of yet. */
export class PendingConnections {
  readonly #most: number
  readonly #held: HeldEvents<{ readonly id: number; readonly connection: Connection }>

  constructor(most: number, taker: ConnectionTaker) {
    this.#most = most
    this.#held = new HeldEvents({
      hasListener: () => taker.hasListener(),
      emit: ({ id, connection }) => {
        if (connection.initiator === 'remote') taker.claim(id)
        taker.emit(connection)
      },
    })
  }

  listenerAdded(): void {
    this.#held.listenerAdded()
  }

  /** A connection is over. One that this end dialled is known to its dialler; another may have brought messages. */
  ended(connection: Connection): void {
    if (connection.initiator === 'local') this.#held.drop((held) => held.connection === connection)
  }

  /** A connection is up. Live ones that nobody takes are bounded by the driver; of those that ended, the newest are kept. */
  arrived(id: number, connection: Connection): void {
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
}
