import type { Buffer } from 'node:buffer'
import { onAbort } from './abort.js'
import { type Deferred, defer } from './deferred.js'
import { Fifo } from './fifo.js'
import type { ParsedFilter } from './message.js'

/** One message that waits to be taken. */
export interface Received {
  readonly bytes: Buffer
  readonly priority: number
}

/** Messages of one connection that nobody took yet, and the iterators that want them. */
export class Inbox<M> {
  readonly #taken: (received: Received) => M
  readonly #lanes = new Map<number, Fifo<Buffer>>()
  /** The lanes that hold something, highest first. */
  readonly #filled: number[] = []
  readonly #readers = new Set<Reader<M>>()
  #ended = false

  /** `taken` is told each message that leaves, and gives what the application gets for it. */
  constructor(taken: (received: Received) => M) {
    this.#taken = taken
  }

  /** A message arrived: it goes to the reader that waited longest of those who want it, or waits. */
  push(priority: number, bytes: Buffer): void {
    for (const reader of this.#readers) {
      if (reader.wants(priority)) {
        reader.give(this.#taken({ bytes, priority }))
        return
      }
    }
    const lane = this.#lanes.get(priority) ?? this.#addLane(priority)
    if (lane.length === 0) this.#fill(priority)
    lane.push(bytes)
  }

  /** Nothing more arrives. What is here can still be taken. */
  end(): void {
    this.#ended = true
    for (const reader of [...this.#readers]) reader.end()
  }

  /** A new iterator: each step takes the highest message there is, oldest first, that its filter lets through. */
  read(filter: ParsedFilter): AsyncIterableIterator<M> {
    return new Reader(
      filter,
      this.#readers,
      () => this.#take(filter),
      () => this.#ended,
    )
  }

  #take({ minPriority, maxPriority }: ParsedFilter): M | undefined {
    const index = this.#filled.findIndex((lane) => lane <= maxPriority)
    const priority = this.#filled[index]
    if (priority === undefined || priority < minPriority) return undefined
    const lane = this.#lanes.get(priority)
    const bytes = lane?.shift()
    if (bytes === undefined) return undefined
    if (lane?.length === 0) this.#filled.splice(index, 1)
    return this.#taken({ bytes, priority })
  }

  #addLane(priority: number): Fifo<Buffer> {
    const lane = new Fifo<Buffer>()
    this.#lanes.set(priority, lane)
    return lane
  }

  #fill(priority: number): void {
    const lower = this.#filled.findIndex((lane) => lane < priority)
    this.#filled.splice(lower < 0 ? this.#filled.length : lower, 0, priority)
  }
}

class Reader<M> implements AsyncIterableIterator<M> {
  readonly #filter: ParsedFilter
  readonly #readers: Set<Reader<M>>
  readonly #take: () => M | undefined
  readonly #over: () => boolean
  readonly #waiting = new Fifo<Deferred<IteratorResult<M, undefined>>>()
  #stopListening: (() => void) | undefined
  #returned = false

  constructor(filter: ParsedFilter, readers: Set<Reader<M>>, take: () => M | undefined, over: () => boolean) {
    this.#filter = filter
    this.#readers = readers
    this.#take = take
    this.#over = over
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<M, undefined>> {
    const { signal } = this.#filter
    if (this.#returned) return Promise.resolve(DONE)
    if (signal?.aborted) {
      this.#returned = true
      return Promise.reject(signal.reason)
    }
    const value = this.#take()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#over()) return Promise.resolve(DONE)
    return this.#wait(signal)
  }

  return(): Promise<IteratorResult<M, undefined>> {
    this.end()
    return Promise.resolve(DONE)
  }

  wants(priority: number): boolean {
    return priority >= this.#filter.minPriority && priority <= this.#filter.maxPriority
  }

  give(value: M): void {
    const step = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#rest()
    else this.#toTheBack()
    step?.resolve({ done: false, value })
  }

  end(): void {
    this.#returned = true
    this.#rest()
    for (let step = this.#waiting.shift(); step !== undefined; step = this.#waiting.shift()) step.resolve(DONE)
  }

  #wait(signal: AbortSignal | undefined): Promise<IteratorResult<M, undefined>> {
    const step = defer<IteratorResult<M, undefined>>()
    this.#waiting.push(step)
    this.#readers.add(this)
    if (signal !== undefined) this.#stopListening ??= onAbort(signal, () => this.#abort(signal.reason))
    return step.promise
  }

  #abort(reason: unknown): void {
    this.#waiting.shift()?.reject(reason)
    this.end()
  }

  #rest(): void {
    this.#readers.delete(this)
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  #toTheBack(): void {
    this.#readers.delete(this)
    this.#readers.add(this)
  }
}

const DONE = { done: true, value: undefined } as const
