import { onAbort } from './abort.js'
import { type Deferred, defer } from './deferred.js'
import { Fifo } from './fifo.js'
import type { Outcome, Outgoing } from './message.js'

/** What an outbox needs of the connection below it. */
export interface OutboxLink {
  /** An id that no message of the device has had. */
  nextMessage(): number
  transmit(message: number, priority: number, bytes: Uint8Array): void
  cancel(message: number): void
  /** Counts bytes against the limits of peer and device; false: no room. */
  reserve(priority: number, bytes: number): boolean
  release(priority: number, bytes: number): void
  /** The error of a send that finds no room, or no connection. */
  fullError(): Error
  closedError(): Error
}

/** Messages of one connection on their way out: those that wait for room in their lane, and those whose end is not known yet. */
export class Outbox {
  readonly #link: OutboxLink
  readonly #lanes = new Map<number, Lane>()
  readonly #unsettled = new Map<number, Sent>()
  #waiting = 0
  #idle: Deferred<void> | undefined
  #ended = false

  constructor(link: OutboxLink) {
    this.#link = link
  }

  /** Resolves when the message is admitted: given to the engine, which copied it. */
  send(bytes: Uint8Array, priority: number, signal: AbortSignal | undefined): Promise<Outgoing> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#ended) return Promise.reject(this.#link.closedError())
    const lane = this.#lane(priority)
    const cost = bytes.byteLength + WAITING_BYTES
    if (!this.#link.reserve(priority, cost)) return Promise.reject(this.#link.fullError())
    if (lane.waiting.length === 0 && lane.hasRoom(bytes.byteLength))
      return Promise.resolve(this.#admit(lane, bytes, signal))
    return this.#wait(lane, bytes, signal)
  }

  /** The engine handed bytes of a lane on, or gave them up. */
  drained(priority: number, bytes: number): void {
    const lane = this.#lanes.get(priority)
    if (lane === undefined) return
    lane.queuedBytes -= bytes
    this.#link.release(priority, bytes)
    this.#fill(lane)
  }

  /** The engine knows how a message ended. */
  settled(message: number, outcome: Outcome): void {
    const sent = this.#unsettled.get(message)
    if (sent === undefined) return
    this.#unsettled.delete(message)
    sent.settle(outcome)
    const lane = this.#lane(sent.priority)
    lane.unsettled -= 1
    this.#fill(lane)
  }

  /** Nothing waits for admission. */
  get isIdle(): boolean {
    return this.#waiting === 0
  }

  /** Resolves when nothing waits for admission. */
  idle(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve()
    this.#idle ??= defer()
    return this.#idle.promise
  }

  /** The connection is over: what waits is rejected, what is under way is 'lost'. */
  end(): void {
    this.#ended = true
    for (const lane of this.#lanes.values()) {
      this.#link.release(lane.priority, lane.queuedBytes)
      lane.queuedBytes = 0
      for (let entry = lane.waiting.shift(); entry !== undefined; entry = lane.waiting.shift()) {
        if (this.#leave(lane, entry)) entry.deferred.reject(this.#link.closedError())
      }
    }
    for (const sent of this.#unsettled.values()) sent.settle('lost')
    this.#unsettled.clear()
  }

  #wait(lane: Lane, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Outgoing> {
    const entry: Waiting = { bytes, signal, deferred: defer(), stopListening: undefined, isOver: false }
    entry.stopListening = signal && onAbort(signal, () => this.#withdraw(lane, entry, signal.reason))
    lane.waiting.push(entry)
    this.#waiting += 1
    return entry.deferred.promise
  }

  #withdraw(lane: Lane, entry: Waiting, reason: unknown): void {
    if (!this.#leave(lane, entry)) return
    entry.deferred.reject(reason)
    this.#fill(lane)
  }

  #fill(lane: Lane): void {
    for (let entry = lane.waiting.first(); entry !== undefined; entry = lane.waiting.first()) {
      if (!entry.isOver) {
        const { bytes, signal, deferred } = entry
        if (!lane.hasRoom(bytes.byteLength)) return
        this.#stopWaiting(entry)
        deferred.resolve(this.#admit(lane, bytes, signal))
      }
      lane.waiting.shift()
    }
  }

  /** From waiting to under way: the bytes are referenced no more. */
  #admit(lane: Lane, bytes: Uint8Array, signal: AbortSignal | undefined): Sent {
    const message = this.#link.nextMessage()
    const sent = new Sent(lane.priority, () => this.#unsettled.has(message) && this.#link.cancel(message))
    this.#link.release(lane.priority, WAITING_BYTES)
    lane.queuedBytes += bytes.byteLength
    lane.unsettled += 1
    this.#unsettled.set(message, sent)
    this.#link.transmit(message, lane.priority, bytes)
    if (signal !== undefined) sent.onSettled = onAbort(signal, () => sent.cancel())
    return sent
  }

  /** True for the one who takes the entry out of the queue; it stays there as a blank until its turn. */
  #leave(lane: Lane, entry: Waiting): boolean {
    if (entry.isOver) return false
    this.#link.release(lane.priority, entry.bytes.byteLength + WAITING_BYTES)
    this.#stopWaiting(entry)
    return true
  }

  #stopWaiting(entry: Waiting): void {
    entry.isOver = true
    entry.bytes = NOTHING
    entry.stopListening?.()
    this.#waiting -= 1
    if (this.#waiting > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  #lane(priority: number): Lane {
    const known = this.#lanes.get(priority)
    if (known !== undefined) return known
    const lane = new Lane(priority)
    this.#lanes.set(priority, lane)
    return lane
  }
}

class Lane {
  readonly priority: number
  readonly waiting = new Fifo<Waiting>()
  queuedBytes = 0
  unsettled = 0

  constructor(priority: number) {
    this.priority = priority
  }

  /** An object larger than the bound goes alone. */
  hasRoom(bytes: number): boolean {
    if (this.unsettled >= LANE_MESSAGES) return false
    return this.queuedBytes === 0 || this.queuedBytes + bytes <= LANE_BYTES
  }
}

interface Waiting {
  bytes: Uint8Array
  readonly signal: AbortSignal | undefined
  readonly deferred: Deferred<Outgoing>
  stopListening: (() => void) | undefined
  isOver: boolean
}

class Sent implements Outgoing {
  readonly priority: number
  readonly #cancel: () => void
  #outcome: Outcome | undefined
  #settled: Deferred<Outcome> | undefined
  onSettled: (() => void) | undefined

  constructor(priority: number, cancel: () => void) {
    this.priority = priority
    this.#cancel = cancel
  }

  get settled(): Promise<Outcome> {
    if (this.#outcome !== undefined) return Promise.resolve(this.#outcome)
    this.#settled ??= defer()
    return this.#settled.promise
  }

  cancel(): void {
    this.#cancel()
  }

  settle(outcome: Outcome): void {
    this.#outcome = outcome
    this.#settled?.resolve(outcome)
    this.onSettled?.()
  }
}

/** Admitted and not yet handed to the transport, per lane of a connection: some 5 ms at 6.4 Gbit/s, longer than any wake. */
const LANE_BYTES = 4 * 2 ** 20

/** Bounds what small messages cost besides their bytes; the transport itself has at most some hundreds under way. */
const LANE_MESSAGES = 4_096

/** What a waiting send costs besides its bytes: its promise and its entry. */
const WAITING_BYTES = 512

const NOTHING = new Uint8Array()
