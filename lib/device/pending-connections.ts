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
  /** Connections that were up, and are not over. */
  readonly #up = new Map<Connection, Held>()
  /** Their messages are read by the device's iterator, so they are taken though no listener was told of them. */
  #areRead = false

  constructor(most: number, taker: ConnectionTaker) {
    this.#most = most
    this.#taker = taker
    this.#held = new HeldEvents({
      hasListener: () => taker.hasListener(),
      tell: (callback) => taker.tell(callback),
      emit: (held) => {
        const { connection } = held
        this.#claim(held)
        held.isTold = true
        taker.emit(connection)
        if (held.reason !== undefined) taker.ended(connection, held.reason)
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
    const known = this.#up.get(connection)
    if (known === undefined) return
    this.#up.delete(connection)
    const isLocal = connection.initiator === 'local'
    if (isLocal && !known.isTold) this.#held.drop((held) => held === known)
    if (known.isTold || isLocal) this.#taker.ended(connection, reason)
    else known.reason = reason
  }

  /** A connection is up. Live ones that nobody takes are bounded by the driver; of those that ended, the newest are kept. */
  arrived(id: number, connection: Connection): void {
    const held: Held = { id, connection, isTold: false, isClaimed: false, reason: undefined }
    this.#up.set(connection, held)
    if (this.#areRead) this.#claim(held)
    this.#held.emit(held)
    if (this.#held.length <= this.#most) return
    const over = this.#held.length - this.#most
    let dropped = 0
    this.#held.drop((held) => {
      const isStale = !held.connection.isOpen && dropped < over
      if (isStale) dropped += 1
      return isStale
    })
  }

  #claim(held: Held): void {
    if (held.connection.initiator !== 'remote' || held.isClaimed) return
    held.isClaimed = true
    this.#taker.claim(held.id)
  }
}

interface Held {
  readonly id: number
  readonly connection: Connection
  /** The application was told of it. */
  isTold: boolean
  /** The driver counts it no more. */
  isClaimed: boolean
  /** Its end, of which the application has yet to be told. */
  reason: CloseReason | undefined
}
