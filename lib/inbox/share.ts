import type { ParsedFilter } from '../outbox/message.js'
import { Heap, type Placed } from '../waiting/heap.js'
import type { PeerInbox } from './peer-inbox.js'
import { isWithin, type Range } from './range.js'

/** Where a peer stands in a share. */
export interface Turn<M> extends Placed {
  readonly peer: PeerInbox<M>
  /** What it was given, in bytes, on the scale of all: who comes late starts at the least of those who wait. */
  given: number
}

/** What the iterators over one range of priorities give out: to the peers in turn, by bytes. */
export class Share<M> {
  readonly range: Range
  /** Iterators that use it. */
  readers = 0
  /** The peers that may have something in the range, whoever was given least first. */
  readonly #turns = new Heap<Turn<M>>(({ given }) => given)
  /** What the one who came last to its turn had been given. */
  #level = 0

  constructor(range: Range) {
    this.range = range
  }

  covers(priority: number, protocol: string): boolean {
    return isWithin(this.range, priority, protocol)
  }

  /** The peer has something in the range. */
  enter(turn: Turn<M>): void {
    if (turn.place >= 0) return
    turn.given = Math.max(turn.given, this.#turns.first()?.given ?? this.#level)
    this.#turns.add(turn)
  }

  remove(turn: Turn<M>): void {
    this.#turns.remove(turn)
  }

  take(filter: ParsedFilter, size: (message: M) => number): M | undefined {
    for (let turn = this.#turns.first(); turn !== undefined; turn = this.#turns.first()) {
      const message = turn.peer.take(filter)
      if (message !== undefined) {
        this.charge(turn, size(message))
        return message
      }
      this.#turns.remove(turn)
    }
    return undefined
  }

  /** A peer was given a message. */
  charge(turn: Turn<M>, bytes: number): void {
    if (turn.place < 0) turn.given = Math.max(turn.given, this.#turns.first()?.given ?? this.#level)
    this.#level = Math.max(this.#level, turn.given)
    turn.given += bytes + MESSAGE_BYTES
    if (turn.place >= 0) this.#turns.moved(turn)
  }
}

/** What a message costs its taker besides its bytes: without, empty ones would be given out for ever. */
const MESSAGE_BYTES = 64
