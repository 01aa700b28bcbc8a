import { later } from '../waiting/clock.js'
import { LateMap } from '../waiting/late-map.js'

/** Whether something may be queued: at once, only behind bytes that its lane has under way, or not. */
export type Room = 'now' | 'behind' | 'none'

/**
 * Bytes that wait to leave, counted by lane: a lane sees itself and those above it, never the bulk below.
 *
 * Where several parts make a whole, those that fill it take nothing from the others: past the limit of the whole, in its lanes at and
 * above an object's own, each part still has an equal share of that limit. The bound over all lanes stays.
 */
export class QueuedBytes {
  readonly #limit: number
  readonly #whole: QueuedBytes | undefined
  readonly #lanes = new LateMap<number, number>()
  #total = 0
  /** Parts in which something waits. */
  #parts = 0
  /** Bytes that were removed. */
  #removed = 0
  /** Listeners for room. */
  readonly #listeners = new Set<() => void>()
  /** They are being told, and there is more to tell them. */
  #tells = false
  #untold = false

  /** `whole`: what this is a part of, and counts in. */
  constructor(limit: number, whole?: QueuedBytes) {
    this.#limit = limit
    this.#whole = whole
  }

  get total(): number {
    return this.#total
  }

  /** Room for `bytes` more in this lane. One object of any size has room where nothing else waits at or above it. */
  room(priority: number, bytes: number): Room {
    if (!this.#fits(priority, bytes)) return 'none'
    const whole = this.#whole
    if (whole === undefined || whole.#fits(priority, bytes)) return 'now'
    const share = whole.#limit / Math.max(whole.#parts + (this.#total === 0 ? 1 : 0), LEAST_PARTS)
    const hasShare = this.#atOrAbove(priority) + bytes <= share && whole.#total + bytes <= ALL_LANES * whole.#limit
    return hasShare ? 'now' : 'behind'
  }

  add(priority: number, bytes: number): void {
    if (this.#whole !== undefined && this.#total === 0 && bytes > 0) this.#whole.#parts += 1
    this.#lanes.set(priority, (this.#lanes.get(priority) ?? 0) + bytes)
    this.#total += bytes
    this.#whole?.add(priority, bytes)
  }

  remove(priority: number, bytes: number): void {
    const left = (this.#lanes.get(priority) ?? 0) - bytes
    if (left > 0) this.#lanes.set(priority, left)
    else this.#lanes.delete(priority)
    this.#total -= bytes
    this.#removed += bytes
    if (this.#whole !== undefined && this.#total === 0 && bytes > 0) this.#whole.#parts -= 1
    this.#tell()
    this.#whole?.remove(priority, bytes)
  }

  /**
   * Calls back when bytes were removed, here or elsewhere in the whole, until it is told to stop. `isDue`: the whole limit was removed
   * here since, so that all that was before has gone.
   */
  onRoom(callback: (isDue: boolean) => void): () => void {
    const due = this.#removed + this.#limit
    const listener = () => callback(this.#removed >= due)
    const places = this.#whole === undefined ? [this.#listeners] : [this.#listeners, this.#whole.#listeners]
    for (const listeners of places) listeners.add(listener)
    return () => {
      for (const listeners of places) listeners.delete(listener)
    }
  }

  /** Once for all that is removed in one turn, and some in each turn: however many wait, none is long. */
  #tell(): void {
    if (this.#listeners.size === 0) return
    this.#untold = true
    if (this.#tells) return
    this.#tells = true
    later(() => this.#tellSome(this.#begin()))
  }

  #begin(): Iterator<() => void> {
    this.#untold = false
    return this.#listeners.values()
  }

  #tellSome(listeners: Iterator<() => void>): void {
    for (let told = 0; told < TOLD_AT_ONCE; told++) {
      const next = listeners.next()
      if (next.done) {
        this.#tells = this.#untold
        if (this.#untold) setImmediate(() => this.#tellSome(this.#begin()))
        return
      }
      next.value()
    }
    setImmediate(() => this.#tellSome(listeners))
  }

  #fits(priority: number, bytes: number): boolean {
    const above = this.#atOrAbove(priority)
    if (above > 0 && above + bytes > this.#limit) return false
    return this.#total === 0 || this.#total + bytes <= ALL_LANES * Math.max(this.#limit, bytes)
  }

  #atOrAbove(priority: number): number {
    let bytes = 0
    for (const [lane, queued] of this.#lanes) if (lane >= priority) bytes += queued
    return bytes
  }
}

/** All lanes together may hold this many times the limit, as on the receiving side. */
const ALL_LANES = 4

/** A share is never larger than of so many parts: parts that come one after another, each to a full whole, get little together. */
const LEAST_PARTS = 64

/** Some 10 us: a thousand that were told at each turn in which something left took 80, and ten thousand 650. */
const TOLD_AT_ONCE = 64
