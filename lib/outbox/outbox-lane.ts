import type { Outcome } from '../driver.js'
import type { LanePolicy } from './lanes.js'
import { NO_OUTCOMES } from './outcomes.js'

/** A message that can wait in a lane: a link of its chain. */
export interface Waiting<T> {
  readonly length: number
  previous: T | undefined
  next: T | undefined
}

/** One priority of one connection: what waits for admission, in order, and what was admitted. */
export class OutboxLane<T extends Waiting<T>> {
  readonly priority: number
  readonly policy: LanePolicy
  /** Number of messages that ended in each way. */
  readonly outcomes: Record<Outcome, number> = { ...NO_OUTCOMES }
  /** Admitted, and not drained. */
  queuedBytes = 0
  /** Admitted, and not settled. */
  unsettled = 0
  waitingMessages = 0
  waitingBytes = 0
  #first: T | undefined
  #last: T | undefined

  constructor(priority: number, policy: LanePolicy) {
    this.priority = priority
    this.policy = policy
  }

  /** Messages wait here; with another policy the engine takes them at once. */
  get mayWait(): boolean {
    return this.policy.full === 'wait'
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#first
  }

  /** An object larger than the bound goes alone. */
  hasRoom(bytes: number): boolean {
    if (this.unsettled >= LANE_MESSAGES) return false
    return this.queuedBytes === 0 || this.queuedBytes + bytes <= this.policy.maxQueuedBytes
  }

  push(sent: T): void {
    sent.previous = this.#last
    if (this.#last === undefined) this.#first = sent
    else this.#last.next = sent
    this.#last = sent
    this.waitingMessages += 1
    this.waitingBytes += sent.length
  }

  remove(sent: T): void {
    const { previous, next } = sent
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    sent.previous = undefined
    sent.next = undefined
    this.waitingMessages -= 1
    this.waitingBytes -= sent.length
  }
}

/** Bounds what small messages cost besides their bytes; the transport itself has at most some hundreds under way. */
const LANE_MESSAGES = 4_096
