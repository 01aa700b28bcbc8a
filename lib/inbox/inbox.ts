import type { Buffer } from 'node:buffer'
import { Fifo } from '../waiting/fifo.js'
import { LateMap } from '../waiting/late-map.js'
import type { ParsedFilter } from './message-filter.js'
import { type MessageReader, MessageReaders } from './message-reader.js'
import type { Range } from './range.js'

/** Makes a message of bytes that arrived, when an iterator takes them; `sentAs` is the priority that its sender gave it. */
export type TakeMessage<M> = (bytes: Buffer, priority: number, sentAs: number) => M

/** Owner of inboxes, which reads them together. */
export interface InboxOwner<M> {
  /** Messages of a higher priority count as of this one. */
  readonly maxPriority: number
  add(inbox: Inbox<M>): void
  /** Nothing of this connection is to be read there any more. */
  remove(inbox: Inbox<M>): void
  /** The connection is over. */
  ended(inbox: Inbox<M>): void
  /** The iterator that waits for this message, before those who come later. */
  claim(inbox: Inbox<M>, priority: number, bytes: number): MessageReader<M> | undefined
  /** A message of this priority waits. */
  stored(inbox: Inbox<M>, priority: number): void
  /** This connection has something of this priority, and had nothing. */
  filled(inbox: Inbox<M>, priority: number): void
  /** It has nothing of this priority any more. */
  emptied(inbox: Inbox<M>, priority: number): void
  /** A message of a past connection was taken. */
  taken(inbox: Inbox<M>, bytes: number): void
}

/** Messages of one connection that nobody took yet, and the iterators over them. */
export class Inbox<M> {
  readonly #taken: TakeMessage<M>
  /** The protocol of the connection. */
  readonly protocol: string
  readonly #peer: InboxOwner<M>
  readonly #lanes = new LateMap<number, InboxLane>()
  /** The lanes that hold something, highest first. */
  readonly #filled: number[] = []
  readonly #readers = new MessageReaders<M>()
  #ended = false
  #messages = 0
  #bytes = 0

  constructor(peer: InboxOwner<M>, protocol: string, taken: TakeMessage<M>) {
    this.protocol = protocol
    this.#peer = peer
    this.#taken = taken
    peer.add(this)
  }

  /** A message arrived: it goes to the iterator that waited longest, one of this connection before one of the device; or it waits. */
  push(sentAs: number, bytes: Buffer): void {
    const priority = Math.min(sentAs, this.#peer.maxPriority)
    const reader = this.#readers.find(priority, this.protocol) ?? this.#peer.claim(this, priority, bytes.length)
    if (reader !== undefined) {
      reader.give(this.#taken(bytes, priority, sentAs))
      return
    }
    const lane = this.#lanes.get(priority) ?? this.#addLane(priority)
    if (lane.bytes.length === 0) {
      this.#fill(priority)
      this.#peer.filled(this, priority)
    }
    lane.bytes.push(bytes)
    lane.sentAs.push(sentAs)
    this.#messages += 1
    this.#bytes += bytes.length
    this.#peer.stored(this, priority)
  }

  /** Nothing more arrives. What is here can still be taken. */
  end(): void {
    this.#ended = true
    this.#readers.end()
    this.#peer.ended(this)
  }

  /** It is read no more with those of its peer and its device. */
  passOver(): void {
    this.#peer.remove(this)
  }

  /** A new iterator: each step takes the highest message there is, oldest first, that its filter lets through. */
  read(filter: ParsedFilter): MessageReader<M> {
    return this.#readers.read({ take: (wanted) => this.take(wanted), isOver: () => this.#ended }, filter)
  }

  take(filter: ParsedFilter): M | undefined {
    const priority = this.highest(filter)
    return priority === undefined ? undefined : this.takeFrom(priority)
  }

  /** The oldest message of this priority. */
  takeFrom(priority: number): M | undefined {
    const lane = this.#lanes.get(priority)
    const bytes = lane?.bytes.shift()
    const sentAs = lane?.sentAs.shift()
    if (lane === undefined || bytes === undefined || sentAs === undefined) return undefined
    if (lane.bytes.length === 0) {
      this.#filled.splice(this.#filled.indexOf(priority), 1)
      this.#peer.emptied(this, priority)
    }
    this.#messages -= 1
    this.#bytes -= bytes.length
    if (this.#ended) this.#peer.taken(this, bytes.length)
    return this.#taken(bytes, priority, sentAs)
  }

  /** The priority of the message that `take` would give. */
  highest({ minPriority, maxPriority }: Range): number | undefined {
    for (const lane of this.#filled) {
      if (lane < minPriority) return undefined
      if (lane <= maxPriority) return lane
    }
    return undefined
  }

  /** Priorities of the messages that wait, highest first. */
  get priorities(): readonly number[] {
    return this.#filled
  }

  /** Messages that wait, and their bytes. */
  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  #addLane(priority: number): InboxLane {
    const lane = { bytes: new Fifo<Buffer>(), sentAs: new Fifo<number>() }
    this.#lanes.set(priority, lane)
    return lane
  }

  #fill(priority: number): void {
    const lower = this.#filled.findIndex((lane) => lane < priority)
    this.#filled.splice(lower < 0 ? this.#filled.length : lower, 0, priority)
  }
}

interface InboxLane {
  readonly bytes: Fifo<Buffer>
  readonly sentAs: Fifo<number>
}
