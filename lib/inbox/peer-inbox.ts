import { LateMap } from '../waiting/late-map.js'
import { LateSet } from '../waiting/late-set.js'
import type { Inbox, InboxOwner } from './inbox.js'
import { LeftBehind } from './left-behind.js'
import type { ParsedFilter } from './message-filter.js'
import type { MessageReader } from './message-reader.js'
import type { Range } from './range.js'
import type { Giver, Share, Turn } from './share.js'

/** Owner of the inboxes of peers. */
export interface PeerInboxOwner<M> {
  /** The peer has a connection, live or with something unread. */
  add(peer: PeerInbox<M>): void
  /** It has none any more. */
  remove(peer: PeerInbox<M>): void
  /** The iterator that waits for this message; it counts as given to that peer. */
  claim(peer: PeerInbox<M>, protocol: string, priority: number, bytes: number): MessageReader<M> | undefined
  /** A peer has something more of this priority. */
  stored(peer: PeerInbox<M>, protocol: string, priority: number): void
  /** A connection ended with something unread. */
  leftBehind(peer: PeerInbox<M>, inbox: Inbox<M>): void
  /** A message of a past connection was taken. */
  lessen(peer: PeerInbox<M>, inbox: Inbox<M>, bytes: number): void
  /** All of a past connection was taken or passed over. */
  forget(inbox: Inbox<M>): void
}

/** Messages of one peer that wait, over all its connections. */
export class PeerInbox<M> implements InboxOwner<M>, Giver<M> {
  /** Messages of a higher priority count as of this one. */
  maxPriority: number
  readonly #device: PeerInboxOwner<M>
  /** Past connections that left something unread. */
  readonly left = new LeftBehind<Inbox<M>>()
  /** Inboxes of live connections, and of past ones that left something unread. */
  readonly #inboxes = new LateSet<Inbox<M>>()
  /** Inboxes that have something of each priority, least recently taken from first. */
  readonly #filled = new LateMap<number, Set<Inbox<M>>>()
  /** Turns of this peer in each share that it ever had something for. */
  readonly #turns = new LateMap<Share<M>, Turn<M>>()

  constructor(device: PeerInboxOwner<M>, maxPriority: number) {
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
    for (const priority of inbox.priorities) this.emptied(inbox, priority)
    this.left.delete(inbox)
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
  claim({ protocol }: Inbox<M>, priority: number, bytes: number): MessageReader<M> | undefined {
    return this.#device.claim(this, protocol, priority, bytes)
  }

  stored({ protocol }: Inbox<M>, priority: number): void {
    this.#device.stored(this, protocol, priority)
  }

  /** This connection has something of this priority, and had nothing. */
  filled(inbox: Inbox<M>, priority: number): void {
    const known = this.#filled.get(priority)
    if (known === undefined) this.#filled.set(priority, new Set([inbox]))
    else known.add(inbox)
  }

  emptied(inbox: Inbox<M>, priority: number): void {
    const known = this.#filled.get(priority)
    if (known?.delete(inbox) && known.size === 0) this.#filled.delete(priority)
  }

  /** A message of a past connection was taken. */
  taken(inbox: Inbox<M>, bytes: number): void {
    this.#device.lessen(this, inbox, bytes)
    if (inbox.messages === 0) this.remove(inbox)
  }

  /** The message of the highest priority; connections that have the same take turns. */
  take(filter: ParsedFilter): M | undefined {
    const priority = this.#highest(filter)
    const inboxes = priority === undefined ? undefined : this.#filled.get(priority)
    if (priority === undefined || inboxes === undefined) return undefined
    const first = firstIn(filter.protocol, inboxes)
    if (first !== undefined && inboxes.size > 1) {
      inboxes.delete(first)
      inboxes.add(first)
    }
    return first?.takeFrom(priority)
  }

  /** There is something for it. */
  has(range: Range): boolean {
    return this.#highest(range) !== undefined
  }

  #highest({ minPriority, maxPriority, protocol }: Range): number | undefined {
    let highest: number | undefined
    for (const [priority, inboxes] of this.#filled) {
      const isHigher = priority >= minPriority && priority <= maxPriority && priority > (highest ?? -1)
      if (isHigher && firstIn(protocol, inboxes) !== undefined) highest = priority
    }
    return highest
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

/** The first that is in this protocol; `undefined`: in any. */
function firstIn<M>(protocol: string | undefined, inboxes: ReadonlySet<Inbox<M>>): Inbox<M> | undefined {
  for (const inbox of inboxes) if (protocol === undefined || inbox.protocol === protocol) return inbox
  return undefined
}
