import type { Endpoint } from '../arguments/endpoint.js'
import { fromNative } from '../errors.js'
import type { PublicKey } from '../keys.js'
import type { Guest } from '../peer/guest.js'
import type { Clock, Timer } from '../waiting/clock.js'
import { Heap, type Placed } from '../waiting/heap.js'
import { sourceOf } from './source.js'

/** Bounds of strangers that were let in. */
export interface StrangerRules {
  /** Milliseconds without a sign of a guest, after which it is a peer no more. */
  readonly forgetAfter: number
  /** Guests of one source that are connected; and guests of it at all, once the device has no room. */
  readonly perAddress: number
}

/**
 * The peers that `authorize` let in and that nobody made permanent. Each is dropped after it was gone for a time, and the one
 * that is gone longest gives way to a newcomer when there is no room.
 */
export class Strangers {
  /** Dropped after their time, dropped for a newcomer, and turned away since their source has its share. */
  readonly counters = { peersForgotten: 0, peersDisplaced: 0, peersOverAddress: 0 }
  readonly #rules: StrangerRules
  readonly #clock: Clock
  readonly #stays = new Map<PublicKey, Stay>()
  readonly #sources = new Map<string, Source>()
  /** Guests without a connection, gone longest first. */
  readonly #gone = newHeap()
  #timer: Timer | undefined
  #armed = Number.POSITIVE_INFINITY

  constructor(rules: StrangerRules, clock: Clock) {
    this.#rules = rules
    this.#clock = clock
  }

  has(publicKey: PublicKey): boolean {
    return this.#stays.has(publicKey)
  }

  /** `authorize` let it in. */
  add(publicKey: PublicKey, guest: Guest): void {
    const stay = new Stay(publicKey, guest, this.#join(guest.endpoint()))
    this.#stays.set(publicKey, stay)
    this.#goes(stay)
  }

  /** It is a peer no more, or one for good. */
  delete(publicKey: PublicKey): void {
    const stay = this.#stays.get(publicKey)
    if (stay === undefined) return
    this.#stays.delete(publicKey)
    this.#comes(stay)
    this.#quit(stay)
  }

  /** Whether a stranger from there may be let in, as far as its source is concerned. */
  admits(from: Endpoint): boolean {
    const isOver = (this.#sources.get(sourceOf(from))?.here ?? 0) >= this.#rules.perAddress
    if (isOver) this.counters.peersOverAddress += 1
    return !isOver
  }

  /** A peer gets its first connection. False: its source has as many as it may, so it was dropped. */
  entered(publicKey: PublicKey): boolean {
    const stay = this.#stays.get(publicKey)
    if (stay === undefined) return true
    this.#move(stay)
    if (stay.source.here >= this.#rules.perAddress) {
      this.counters.peersOverAddress += 1
      this.#drop(
        stay,
        `more than ${this.#rules.perAddress} peers from its address are connected (limits.peersPerAddress)`,
      )
      return false
    }
    this.#comes(stay)
    stay.isHere = true
    stay.source.here += 1
    return true
  }

  /** A peer lost its last connection. */
  left(publicKey: PublicKey): void {
    const stay = this.#stays.get(publicKey)
    if (stay !== undefined) this.#goes(stay)
  }

  /**
   * Drops the one that is gone longest, for a newcomer from there (`undefined`: one that this end adds). A source that has its
   * share displaces its own alone. False: all are in use.
   */
  makeRoom(from: Endpoint | undefined): boolean {
    const source = from === undefined ? undefined : this.#sources.get(sourceOf(from))
    const isOver = source !== undefined && source.guests >= this.#rules.perAddress
    const stay = this.#longestGone(isOver ? source.gone : this.#gone)
    if (stay === undefined) return false
    this.counters.peersDisplaced += 1
    this.#drop(stay, 'made room for a newcomer (limits.peers)')
    return true
  }

  /** Adds a peer that was seen there; where there is no room, a stranger that is gone gives way. */
  withRoom(from: Endpoint | undefined, publicKey: PublicKey, add: () => number): number {
    try {
      return add()
    } catch (failure) {
      const error = fromNative(failure, publicKey)
      if (error.code !== 'ERR_WARREN_TOO_MANY_PEERS' || !this.makeRoom(from)) throw error
    }
    try {
      return add()
    } catch (failure) {
      throw fromNative(failure, publicKey)
    }
  }

  /** The device is closing. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armed = Number.NEGATIVE_INFINITY
  }

  #goes(stay: Stay): void {
    if (stay.isHere) stay.source.here -= 1
    stay.isHere = false
    stay.since = this.#clock.now()
    this.#gone.add(stay.everywhere)
    stay.source.gone.add(stay.there)
    this.#arm()
  }

  #comes(stay: Stay): void {
    this.#gone.remove(stay.everywhere)
    stay.source.gone.remove(stay.there)
  }

  #drop(stay: Stay, reason: string): void {
    this.delete(stay.publicKey)
    stay.guest.drop(reason)
  }

  #longestGone(gone: Heap<Seat>): Stay | undefined {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const stay = gone.first()?.stay
      if (stay === undefined || !this.#refresh(stay)) return stay
    }
    return undefined
  }

  /** True: it is in use, or was here later than was known. */
  #refresh(stay: Stay): boolean {
    const now = this.#clock.now()
    const isInUse = stay.guest.isInUse()
    const heard = isInUse ? now : now - (stay.guest.silentFor() ?? Number.POSITIVE_INFINITY)
    if (!isInUse && heard <= stay.since + ROUNDING) return false
    stay.since = heard
    this.#gone.moved(stay.everywhere)
    stay.source.gone.moved(stay.there)
    return true
  }

  #forget(): void {
    this.close()
    this.#armed = Number.POSITIVE_INFINITY
    for (let looks = 0; looks < MOST_AT_ONCE; looks++) {
      const stay = this.#gone.first()?.stay
      if (stay === undefined || stay.since + this.#rules.forgetAfter > this.#clock.now()) break
      if (this.#refresh(stay)) continue
      this.counters.peersForgotten += 1
      this.#drop(stay, `nothing came from it for ${this.#rules.forgetAfter} ms (forgetAfter)`)
    }
    this.#arm()
  }

  /** One timer for all. One that fires too early, since its peer is back, finds nothing to do. */
  #arm(): void {
    const first = this.#gone.first()?.stay
    if (first === undefined) return
    const due = first.since + this.#rules.forgetAfter
    if (due >= this.#armed) return
    this.#timer?.cancel()
    this.#armed = due
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(due - this.#clock.now())), () => this.#forget())
  }

  #join(endpoint: Endpoint | undefined): Source {
    const name = endpoint === undefined ? '' : sourceOf(endpoint)
    const source = this.#sources.get(name) ?? { name, guests: 0, here: 0, gone: newHeap() }
    this.#sources.set(name, source)
    source.guests += 1
    return source
  }

  #quit({ source, isHere }: Stay): void {
    source.guests -= 1
    if (isHere) source.here -= 1
    if (source.guests === 0) this.#sources.delete(source.name)
  }

  /** It may have moved while it was gone. */
  #move(stay: Stay): void {
    stay.source.gone.remove(stay.there)
    this.#quit(stay)
    stay.source = this.#join(stay.guest.endpoint())
    stay.source.gone.add(stay.there)
  }
}

/** One source of guests. */
interface Source {
  readonly name: string
  guests: number
  /** Guests with a connection. */
  here: number
  /** The others, gone longest first. */
  readonly gone: Heap<Seat>
}

class Stay {
  readonly publicKey: PublicKey
  readonly guest: Guest
  readonly everywhere: Seat = { place: -1, stay: this }
  readonly there: Seat = { place: -1, stay: this }
  source: Source
  /** It has a connection. */
  isHere = false
  /** Instant at which it was last here, as far as is known. */
  since = 0

  constructor(publicKey: PublicKey, guest: Guest, source: Source) {
    this.publicKey = publicKey
    this.guest = guest
    this.source = source
  }
}

interface Seat extends Placed {
  readonly stay: Stay
}

function newHeap(): Heap<Seat> {
  return new Heap(({ stay }) => stay.since)
}

/** Figures are in whole milliseconds. */
const ROUNDING = 1

/** Peers looked at for one newcomer: each look asks the engine. Those that are in use are put last. */
const MOST_LOOKS = 32

/** Peers looked at in one turn of the event loop: a few milliseconds. */
const MOST_AT_ONCE = 256
