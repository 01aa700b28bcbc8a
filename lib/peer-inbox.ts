import type { DeviceInbox } from './device-inbox.js'
import type { Inbox, Range } from './inbox.js'
import type { ParsedFilter } from './message.js'
import type { MessageReader } from './message-reader.js'
import type { Share, Turn } from './share.js'

/** What came from one peer, over all its connections, and waits. */
export class PeerInbox<M> {
  /** Messages of a higher priority count as of this one. */
  maxPriority: number
  readonly #device: DeviceInbox<M>
  /** Those of live connections, and of past ones that left something unread; least recently taken from first. */
  readonly #inboxes = new Set<Inbox<M>>()
  /** Where this peer stands in each share that it ever had something for. */
  readonly #turns = new Map<Share<M>, Turn<M>>()

  constructor(device: DeviceInbox<M>, maxPriority: number) {
    this.#device = device
    this.maxPriority = maxPriority
  }

  add(inbox: Inbox<M>): void {
    this.#inboxes.add(inbox)
    this.#device.add(this)
  }

  /** Nothing of this connection is to be read here any more. */
  remove(inbox: Inbox<M>): void {
    this.#inboxes.delete(inbox)
    this.#device.forget(inbox)
    if (this.#inboxes.size > 0) return
    this.#device.remove(this)
    for (const [share, turn] of this.#turns) share.remove(turn)
    this.#turns.clear()
  }

  ended(inbox: Inbox<M>): void {
    if (inbox.messages === 0) this.remove(inbox)
    else this.#device.leftBehind(this, inbox)
  }

  /** The iterator of the device that waits for this message. */
  claim(priority: number, bytes: number): MessageReader<M> | undefined {
    return this.#device.claim(this, priority, bytes)
  }

  stored(priority: number): void {
    this.#device.stored(this, priority)
  }

  /** The message of the highest priority; connections that have the same take turns. */
  take(filter: ParsedFilter): M | undefined {
    let best: Inbox<M> | undefined
    let highest = -1
    for (const inbox of this.#inboxes) {
      const priority = inbox.highest(filter)
      if (priority === undefined || priority <= highest) continue
      highest = priority
      best = inbox
    }
    if (best === undefined) return undefined
    if (this.#inboxes.size > 1) {
      this.#inboxes.delete(best)
      this.#inboxes.add(best)
    }
    return best.take(filter)
  }

  /** There is something for it. */
  has(range: Range): boolean {
    for (const inbox of this.#inboxes) if (inbox.highest(range) !== undefined) return true
    return false
  }

  turn(share: Share<M>): Turn<M> {
    const known = this.#turns.get(share)
    if (known !== undefined) return known
    const turn: Turn<M> = { peer: this, given: 0, place: -1 }
    this.#turns.set(share, turn)
    return turn
  }

  /** The share is no more. */
  quit(share: Share<M>): void {
    this.#turns.delete(share)
  }
}
