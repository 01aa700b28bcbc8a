import { onAbort } from '../waiting/abort.js'
import { type Deferred, defer } from '../waiting/deferred.js'
import { Fifo } from '../waiting/fifo.js'
import { LateSet } from '../waiting/late-set.js'
import type { ParsedFilter } from './message-filter.js'
import { isWithin } from './range.js'

/** Source of a reader's messages. */
export interface MessageSource<M> {
  /** The next message that the filter lets through, if one is there. */
  take(filter: ParsedFilter): M | undefined
  /** Nothing more arrives. */
  isOver(): boolean
  /** The iterator was left. */
  left?(): void
}

/** The iterators over one source that wait for a message, in the order in which they began to. */
export class MessageReaders<M> {
  readonly #waiting = new LateSet<MessageReader<M>>()

  read(source: MessageSource<M>, filter: ParsedFilter): MessageReader<M> {
    return new MessageReader(source, filter, this.#waiting)
  }

  /** The one that has waited longest of those who want this priority in this protocol. */
  find(priority: number, protocol: string): MessageReader<M> | undefined {
    for (const reader of this.#waiting) if (isWithin(reader.filter, priority, protocol)) return reader
    return undefined
  }

  /** Nothing more arrives. */
  end(): void {
    for (const reader of [...this.#waiting]) reader.end()
  }
}

/** An iterator over messages. */
export class MessageReader<M> implements AsyncIterableIterator<M>, AsyncDisposable {
  readonly filter: ParsedFilter
  readonly #source: MessageSource<M>
  readonly #readers: LateSet<MessageReader<M>>
  readonly #waiting = new Fifo<Deferred<IteratorResult<M, undefined>>>()
  #stopListening: (() => void) | undefined
  #returned = false

  constructor(source: MessageSource<M>, filter: ParsedFilter, readers: LateSet<MessageReader<M>>) {
    this.filter = filter
    this.#source = source
    this.#readers = readers
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<M, undefined>> {
    const { signal } = this.filter
    if (this.#returned) return Promise.resolve(DONE)
    if (signal?.aborted) {
      this.end()
      return Promise.reject(signal.reason)
    }
    const value = this.#source.take(this.filter)
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#source.isOver()) {
      this.end()
      return Promise.resolve(DONE)
    }
    return this.#wait(signal)
  }

  return(): Promise<IteratorResult<M, undefined>> {
    this.end()
    return Promise.resolve(DONE)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end()
  }

  /** Ends the wait of the step that has waited longest. */
  give(value: M): void {
    const step = this.#waiting.shift()
    this.#readers.delete(this)
    if (this.#waiting.length === 0) this.#rest()
    else this.#readers.add(this)
    step?.resolve({ done: false, value })
  }

  end(): void {
    this.#rest()
    if (!this.#returned) {
      this.#returned = true
      this.#source.left?.()
    }
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
}

const DONE = { done: true, value: undefined } as const
