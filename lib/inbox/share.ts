import { Heap, type Placed } from '../waiting/heap.js'
import type { ParsedFilter } from './message-filter.js'
import { isWithin, type Range } from './range.js'

/** A source of messages to give out. */
export interface Giver<M> {
  /** The next one that the filter lets through, if one is there. */
  take(filter: ParsedFilter): M | undefined
}

/** Place of a peer in a share. */
export interface Turn<M> extends Placed {
  readonly peer: Giver<M>
  /** Bytes that it was given, on the scale of all: a latecomer starts at the least of those who wait. */
  given: number
}

/** Messages for the iterators over one range of priorities: peers take turns, by bytes. */
export class Share<M> {
  readonly range: Range
  /** Iterators that use it. */
  readers = 0
  /** The peers that may have something in the range, whoever was given least first. */
  readonly #turns = new Heap<Turn<M>>(({ given }) => given)
  /** The highest `given` served so far: where a newcomer starts. */
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

/** Cost of a message besides its bytes, or a peer with empty ones would always be next. */
const MESSAGE_BYTES = 64
