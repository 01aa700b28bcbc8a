import type { Inbox } from './inbox.js'
import { LeftBehind } from './left-behind.js'
import type { ParsedFilter } from './message-filter.js'
import { type MessageReader, MessageReaders } from './message-reader.js'
import type { PeerInbox, PeerInboxOwner } from './peer-inbox.js'
import type { Range } from './range.js'
import { Share } from './share.js'

/** Messages of all connections of a device, and the iterators over them. */
export class DeviceInbox<M> implements PeerInboxOwner<M> {
  /** Messages of past connections that were passed over, because too many stayed unread. */
  leftBehindMessages = 0
  readonly #size: (message: M) => number
  /** Bytes that past connections of one peer may leave unread. */
  readonly #leftBehindBytes: number
  /** Peers with a live connection, or with unread messages of a past one. */
  readonly #peers = new Set<PeerInbox<M>>()
  readonly #shares = new Map<number | string, Share<M>>()
  readonly #readers = new MessageReaders<M>()
  /** Past connections of all peers. */
  readonly #leftBehind = new LeftBehind<Inbox<M>>()
  /** There was an iterator, so there may be one again. */
  #isUsed = false
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(leftBehindBytes: number, size: (message: M) => number) {
    this.#leftBehindBytes = leftBehindBytes
    this.#size = size
  }

  read(filter: ParsedFilter): MessageReader<M> {
    this.#isUsed = true
    const share = this.#shareOf(filter)
    share.readers += 1
    const source = {
      take: (wanted: ParsedFilter) => share.take(wanted, this.#size),
      isOver: () => this.#state === 'closed',
      left: () => this.#left(share),
    }
    return this.#readers.read(source, filter)
  }

  /** The device begins nothing new: what comes now is little, and all of it may be kept. */
  closing(): void {
    this.#state = 'closing'
  }

  /** The device is closed. What is here can still be taken. */
  end(): void {
    this.#state = 'closed'
    this.#readers.end()
  }

  add(peer: PeerInbox<M>): void {
    this.#peers.add(peer)
  }

  remove(peer: PeerInbox<M>): void {
    this.#peers.delete(peer)
  }

  /** Forgets a past connection: all of it was taken or passed over. */
  forget(inbox: Inbox<M>): void {
    this.#leftBehind.delete(inbox)
  }

  /** Counts a message of a past connection as taken. */
  lessen(peer: PeerInbox<M>, inbox: Inbox<M>, bytes: number): void {
    peer.left.lessen(inbox, bytes + MESSAGE_COST)
    this.#leftBehind.lessen(inbox, bytes + MESSAGE_COST)
  }

  /** The iterator that waits for a message of this priority; it counts as given to that peer. */
  claim(peer: PeerInbox<M>, protocol: string, priority: number, bytes: number): MessageReader<M> | undefined {
    const reader = this.#readers.find(priority, protocol)
    if (reader === undefined) return undefined
    const share = this.#shareOf(reader.filter)
    share.charge(peer.turn(share), bytes)
    return reader
  }

  /** A peer has something more of this priority. */
  stored(peer: PeerInbox<M>, protocol: string, priority: number): void {
    for (const share of this.#shares.values()) if (share.covers(priority, protocol)) share.enter(peer.turn(share))
  }

  /** A connection ended with something unread. */
  leftBehind(peer: PeerInbox<M>, inbox: Inbox<M>): void {
    if (!this.#isUsed) {
      peer.remove(inbox)
      return
    }
    const cost = inbox.bytes + MESSAGE_COST * inbox.messages + CONNECTION_COST
    this.#leftBehind.add(inbox, cost)
    peer.left.add(inbox, cost)
    if (this.#state !== 'open') return
    this.#passOver(peer.left, this.#leftBehindBytes)
    this.#passOver(this.#leftBehind, ALL_PEERS * this.#leftBehindBytes)
  }

  /** Forgets the oldest of these past connections, until the rest keeps within the bound; the newest always stays. */
  #passOver(left: LeftBehind<Inbox<M>>, most: number): void {
    while (left.bytes > most) {
      const oldest = left.oldestOfMany
      if (oldest === undefined) return
      this.leftBehindMessages += oldest.messages
      oldest.passOver()
    }
  }

  #shareOf({ minPriority, maxPriority, protocol }: ParsedFilter): Share<M> {
    const range = { minPriority, maxPriority, protocol }
    const key = keyOf(range)
    const known = this.#shares.get(key)
    if (known !== undefined) return known
    const share = new Share<M>(range)
    for (const peer of this.#peers) if (peer.has(share.range)) share.enter(peer.turn(share))
    this.#shares.set(key, share)
    return share
  }

  #left(share: Share<M>): void {
    share.readers -= 1
    if (share.readers > 0) return
    this.#shares.delete(keyOf(share.range))
    for (const peer of this.#peers) peer.quit(share)
  }
}

function keyOf({ minPriority, maxPriority, protocol }: Range): number | string {
  const priorities = minPriority * 256 + maxPriority
  return protocol === undefined ? priorities : `${priorities} ${protocol}`
}

/** Bound over the past connections of all peers, in times of what one peer may leave. */
const ALL_PEERS = 4

/** The memory that an unread connection, and each message, keeps besides the bytes, about; so that empty ones are bounded as well. */
const CONNECTION_COST = 4_096
const MESSAGE_COST = 512
