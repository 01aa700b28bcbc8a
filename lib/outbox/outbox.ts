import { changedBytes } from '../arguments/argument-error.js'
import type { Outcome } from '../driver.js'
import { onAbort } from '../waiting/abort.js'
import type { Attention } from '../waiting/attention.js'
import { awaited, Failure } from '../waiting/caller.js'
import { later } from '../waiting/clock.js'
import { type Deferred, defer, tolerated } from '../waiting/deferred.js'
import { LateMap } from '../waiting/late-map.js'
import type { Deadlines } from './deadlines.js'
import type { DropReason } from './drop-reason.js'
import type { LanePolicy } from './lanes.js'
import { OutboxLane } from './outbox-lane.js'
import type { Room } from './queued-bytes.js'
import type { Outgoing, ParsedSend } from './send-options.js'
import { LOST, type Payload, type Posted, Sent, type SentOwner, type Waiter } from './sent.js'
import { Slots } from './slots.js'

/** Link from an outbox to the connection below it. */
export interface OutboxLink {
  readonly deadlines: Deadlines
  readonly attention: Attention
  policy(priority: number): LanePolicy
  /** An id that no message of the device has had. */
  nextMessage(): number
  transmit(message: number, priority: number, lifetime: number | undefined, payload: Payload): void
  cancel(message: number, reason: 'cancelled' | 'replaced'): void
  /** Room for bytes under the limits of peer and device. */
  room(priority: number, bytes: number): Room
  /** Counts bytes against these limits, until `release`. */
  reserve(priority: number, bytes: number): void
  /** Calls back when there may be room, until it is told to stop; `isDue`: all that was there at the call is gone. */
  onRoom(callback: (isDue: boolean) => void): () => void
  release(priority: number, bytes: number): void
  /** A message has ended; the reason is that of one that was 'dropped'. */
  settled(sent: Sent, outcome: Outcome, reason: DropReason | undefined): void
  /** The error of a send that finds no room, or no connection. */
  fullError(): Error
  closedError(): Error
}

/** Messages of one connection on their way out: those that wait for room in their lane, and those whose end is not known yet. */
export class Outbox implements SentOwner {
  readonly #link: OutboxLink
  readonly #lanes = new LateMap<number, OutboxLane<Sent>>()
  readonly #unsettled = new LateMap<number, Sent>()
  readonly #slots: Slots
  #waiting = 0
  #idle: Deferred<void> | undefined
  #allSettled: Deferred<void> | undefined
  #ended = false

  /** `slots`: those of its peer and family. */
  constructor(link: OutboxLink, slots: Slots = new Slots()) {
    this.#link = link
    this.#slots = slots
  }

  /**
   * Resolves when the message is admitted (given to the engine, which copied it) or given up. Its rejection is tolerated. Where the limits
   * have no room it waits for some if nothing of its lane waits before it: whoever awaits each send is held back, not refused.
   */
  send(payload: Payload, options: ParsedSend): Promise<Outgoing> {
    const { signal } = options
    if (signal?.aborted) return refusal(signal.reason)
    if (this.#ended) return refusal(this.#link.closedError())
    const sent = this.#make(payload, options)
    const { lane } = sent
    const room = this.#reserve(sent)
    if (room === 'now' && !this.#mustWait(sent)) {
      this.#takeSlot(sent)
      this.#admit(sent, options.lifetime)
    } else if (room !== 'none' || (lane.mayWait && lane.first === undefined)) {
      const { promise, resolve } = defer<Outgoing | Failure>()
      const waiter = { resolve, reject: (makeError: () => unknown) => resolve(new Failure(makeError)) }
      if (room === 'none') sent.stopAsking = this.#link.onRoom((isDue) => this.#fill(lane, isDue))
      this.#wait(sent, room, waiter, Number.POSITIVE_INFINITY)
      return awaited(promise)
    } else {
      this.#settle(sent, 'dropped', 'queue-full')
      if (lane.mayWait) return refusal(this.#link.fullError())
    }
    return Promise.resolve(sent)
  }

  /**
   * The same for one of many, which the limits drop: what goes wrong is an outcome. The waiter is told once if the message has to wait,
   * which it does for `patience` at most.
   */
  post(payload: Payload, options: ParsedSend, patience: number, waiter: Waiter): Posted {
    if (this.#ended) return LOST
    const outgoing = this.#make(payload, options)
    const room = this.#reserve(outgoing)
    if (room === 'behind' || (room === 'now' && this.#mustWait(outgoing))) {
      this.#wait(outgoing, room, waiter, patience)
      return { outgoing, waits: true }
    }
    if (room === 'now') {
      this.#takeSlot(outgoing)
      this.#admit(outgoing, options.lifetime)
    } else this.#settle(outgoing, 'dropped', 'queue-full')
    return { outgoing, waits: false }
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
    const { lane } = sent
    lane.unsettled -= 1
    if (!lane.mayWait) this.#link.release(lane.priority, MESSAGE_BYTES)
    this.#settle(sent, outcome, lane.mayWait ? 'refused' : 'lane-full')
    this.#fill(lane)
    this.#tellSettled()
  }

  cancel(sent: Sent): void {
    this.#giveUp(sent, 'cancelled')
  }

  replace(sent: Sent): void {
    this.#giveUp(sent, 'replaced')
  }

  beginAttention(): void {
    this.#link.attention.begin()
  }

  endAttention(): void {
    this.#link.attention.end()
  }

  late(sent: Sent): void {
    this.#leave(sent, sent.expiry <= sent.deadline ? 'expired' : 'dropped', undefined, 'patience')
    this.#fill(sent.lane)
  }

  /** Lanes that were used. */
  get lanes(): Iterable<OutboxLane<Sent>> {
    return this.#lanes.values()
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

  /** Resolves when nothing waits, and everything that was admitted has settled. */
  allSettled(): Promise<void> {
    if (this.#allSettled === undefined) {
      this.#allSettled = defer()
      this.beginAttention()
    }
    const { promise } = this.#allSettled
    this.#tellSettled()
    return promise
  }

  /** The connection is over: what waits is rejected, what is under way is 'lost'. */
  end(): void {
    this.#ended = true
    for (const lane of this.#lanes.values()) {
      const beside = lane.mayWait ? 0 : lane.unsettled * MESSAGE_BYTES
      this.#link.release(lane.priority, lane.queuedBytes + beside)
      lane.queuedBytes = 0
      lane.unsettled = 0
      for (let sent = lane.first; sent !== undefined; sent = lane.first) {
        this.#leave(sent, 'lost', () => this.#link.closedError())
      }
    }
    for (const sent of this.#unsettled.values()) this.#settle(sent, 'lost')
    this.#unsettled.clear()
    this.#tellSettled()
  }

  #tellSettled(): void {
    if (this.#allSettled === undefined || this.#waiting > 0 || this.#unsettled.size > 0) return
    this.#allSettled.resolve()
    this.#allSettled = undefined
    this.endAttention()
  }

  #make(payload: Payload, options: ParsedSend): Sent {
    const sent = new Sent(this, this.#lane(options.priority), payload, options)
    const { replaces, signal } = options
    // Its room may be what this one needs.
    if (replaces !== undefined) this.#slots.freeOfWaiting(replaces)
    if (signal !== undefined)
      sent.stopListening = onAbort(signal, () => this.#giveUp(sent, 'cancelled', () => signal.reason))
    return sent
  }

  /** One that is refused takes no slot: what is under way there goes on. */
  #takeSlot(sent: Sent): void {
    const { replaces } = sent.options
    if (replaces !== undefined) this.#slots.take(replaces, sent)
  }

  /**
   * Counts it against the limits, if there is room. Past the limit of the device one message of a lane may wait behind what the lane has
   * under way, which goes though other peers leave no room.
   */
  #reserve({ lane, length }: Sent): Room {
    // In order: what asks for room goes first.
    const room = lane.first?.stopAsking === undefined ? this.#link.room(lane.priority, length + MESSAGE_BYTES) : 'none'
    const mayWait = lane.mayWait && lane.first === undefined && lane.unsettled > 0 && lane.queuedBytes > 0
    if (room === 'none' || (room === 'behind' && !mayWait)) return 'none'
    this.#link.reserve(lane.priority, length + MESSAGE_BYTES)
    return room
  }

  #mustWait({ lane, length }: Sent): boolean {
    return lane.mayWait && (lane.first !== undefined || !lane.hasRoom(length))
  }

  #wait(sent: Sent, room: Room, waiter: Waiter, patience: number): void {
    const { deadlines } = this.#link
    const { lane, options, length } = sent
    const { lifetime } = options
    const now = deadlines.now()
    this.#takeSlot(sent)
    sent.since = now
    sent.waiter = waiter
    if (room !== 'now') sent.behind = Math.max(lane.queuedBytes - length, 0)
    if (lifetime !== undefined) sent.expiry = now + lifetime
    sent.deadline = Math.min(sent.expiry, now + patience)
    if (sent.deadline < Number.POSITIVE_INFINITY) deadlines.add(sent)
    lane.push(sent)
    this.#waiting += 1
    this.beginAttention()
  }

  /** Admits what waits in a lane; `isDue`: the first may go past the limits, which counts it only now. */
  #fill(lane: OutboxLane<Sent>, isDue = false): void {
    for (let sent = lane.first; sent !== undefined && lane.hasRoom(sent.length); sent = lane.first) {
      const lifetime = sent.expiry === Number.POSITIVE_INFINITY ? undefined : sent.expiry - this.#link.deadlines.now()
      if (lifetime !== undefined && lifetime <= 0) {
        this.#leave(sent, 'expired')
        continue
      }
      const { length, payload } = sent
      if (payload !== undefined && payload.byteLength !== length) {
        this.#leave(sent, 'dropped', () => changedBytes('bytes', 'send() resolves'), 'changed')
        continue
      }
      if (!this.#mayGo(sent, isDue)) return
      if (sent.stopAsking !== undefined) {
        this.#stopAsking(sent)
        this.#link.reserve(lane.priority, length + MESSAGE_BYTES)
      }
      const waiter = this.#stopWaiting(sent)
      this.#admit(sent, lifetime)
      waiter?.resolve(sent)
    }
  }

  /** Whether the first of a lane may go. Past the limits its turn comes when the lane has no more under way with it than before. */
  #mayGo({ lane, length, behind, stopAsking }: Sent, isDue: boolean): boolean {
    if (behind === undefined) return true
    const isCounted = stopAsking === undefined
    if ((isCounted || isDue) && lane.queuedBytes <= behind) return true
    return this.#link.room(lane.priority, isCounted ? 0 : length + MESSAGE_BYTES) === 'now'
  }

  /** From waiting to under way: the bytes are referenced no more. */
  #admit(sent: Sent, lifetime: number | undefined): void {
    const { lane, length, payload = NOTHING } = sent
    const message = this.#link.nextMessage()
    sent.message = message
    sent.payload = undefined
    if (lane.mayWait) this.#link.release(lane.priority, MESSAGE_BYTES)
    lane.queuedBytes += length
    lane.unsettled += 1
    this.#unsettled.set(message, sent)
    this.#link.transmit(message, lane.priority, lifetime, payload)
  }

  /** Takes a message back, wherever it is. An error rejects the send that still waits. */
  #giveUp(sent: Sent, outcome: 'cancelled' | 'replaced', makeError?: () => unknown): void {
    if (sent.waiter !== undefined) {
      this.#leave(sent, outcome, makeError)
      this.#fill(sent.lane)
    } else if (this.#unsettled.has(sent.message)) {
      this.#link.cancel(sent.message, outcome)
    }
  }

  /** Out of the queue, for good. */
  #leave(sent: Sent, outcome: Outcome, makeError?: () => unknown, dropped?: DropReason): void {
    const waiter = this.#stopWaiting(sent)
    if (sent.stopAsking === undefined) this.#link.release(sent.lane.priority, sent.length + MESSAGE_BYTES)
    else this.#stopAsking(sent)
    sent.payload = undefined
    this.#settle(sent, outcome, dropped)
    if (makeError === undefined) waiter?.resolve(sent)
    else waiter?.reject(makeError)
  }

  #stopAsking(sent: Sent): void {
    sent.stopAsking?.()
    sent.stopAsking = undefined
  }

  #stopWaiting(sent: Sent): Waiter | undefined {
    const { waiter } = sent
    sent.waiter = undefined
    sent.lane.remove(sent)
    this.#link.deadlines.remove(sent)
    this.#waiting -= 1
    this.endAttention()
    if (this.#waiting === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
      // Not yet where the message goes on its way now.
      later(() => this.#tellSettled())
    }
    return waiter
  }

  #settle(sent: Sent, outcome: Outcome, dropped?: DropReason): void {
    sent.lane.outcomes[outcome] += 1
    const { replaces } = sent.options
    if (replaces !== undefined) this.#slots.leave(replaces, sent)
    sent.settle(outcome)
    this.#link.settled(sent, outcome, outcome === 'dropped' ? dropped : undefined)
  }

  #lane(priority: number): OutboxLane<Sent> {
    const known = this.#lanes.get(priority)
    if (known !== undefined) return known
    const lane = new OutboxLane<Sent>(priority, this.#link.policy(priority))
    this.#lanes.set(priority, lane)
    return lane
  }
}

/** Only what may reject is watched: most sends resolve at once, and cost one promise. */
function refusal(reason: unknown): Promise<never> {
  return tolerated(Promise.reject(reason))
}

/** Cost of a message besides its bytes: its promise and its entry, here and in the engine. */
const MESSAGE_BYTES = 512

const NOTHING = new Uint8Array()
