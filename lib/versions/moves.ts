import type { Clock, Timer } from '../waiting/clock.js'
import { LateMap } from '../waiting/late-map.js'
import { LateSet } from '../waiting/late-set.js'
import type { Families } from './families.js'
import type { Turns } from './turns.js'

/** A connection, as far as a move looks at it. */
export interface Moving {
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
}

/** Link from the moves of a pair to the peer, whose connections are of type `C`. */
export interface MovesLink<C> {
  readonly families: Families
  /** Turns of all peers of the device. */
  readonly turns: Turns
  /** The best version of a family by the newest lists of both ends; `undefined`: none is known. */
  choose(family: string): string | undefined
  /** Ends that dial in a protocol: those that offer it, where the other one accepts it. */
  dialler(protocol: string): 'we' | 'they' | 'both' | 'none'
  /** This end dials first where both may, and its dials survive where both did: it has the greater key. */
  readonly isFirst: boolean
  /** Moves begin by themselves. */
  readonly isAutomatic: boolean
  /** Connects in this protocol beside what there is, unless the signal aborts. */
  dial(protocol: string, timeout: number, signal: AbortSignal): Promise<unknown>
  /** The peer is of a build that knows no moves: whether the connection is drained and closed, and dialled anew in this protocol. */
  replace(connection: C, protocol: string): boolean
  /** A connection gives way to another one. */
  superseded(connection: C, by: C): void
  /** A connection that has given way is used again; `false`: it admits nothing more. */
  takeBack(connection: C): boolean
  /** A connection that has given way admits nothing more, and ends when both ends have delivered what they have. */
  hasten(connection: C): void
  /** A connection that has given way ends at once. */
  cut(connection: C): void
  /** Milliseconds that a floor of this end's leaves a connection to move; `undefined`: it is below none. */
  graceOf(connection: C): number | undefined
  /** The connection of a family is another one than before, or none. */
  changed(family: string, current: C | undefined, previous: C | undefined): void
}

/** The connections of a pair by family: of each family one is current, others give way; which moves are due, and who dials. */
export class Moves<C extends Moving> {
  readonly #link: MovesLink<C>
  readonly #clock: Clock
  readonly #families = new LateMap<string, Family<C>>()

  constructor(link: MovesLink<C>, clock: Clock) {
    this.#link = link
    this.#clock = clock
  }

  /** The connection of a family that is used from now on. */
  current(family: string): C | undefined {
    return this.#families.get(family)?.current
  }

  /** Whether a connection has given way to another one. */
  isSuperseded(connection: C): boolean {
    return this.#families.get(this.#link.families.nameOf(connection.protocol))?.giving.has(connection) ?? false
  }

  /** Families that have, or had, a connection. */
  get families(): Iterable<string> {
    return this.#families.keys()
  }

  /** The connection whose place one that comes up takes. `undefined`: there is none, or it gives way to that one itself. */
  predecessorOf(connection: Moving): C | undefined {
    const family = this.#families.get(this.#link.families.nameOf(connection.protocol))
    return family === undefined || this.#yields(connection, family) ? undefined : family.current
  }

  /** A connection is up. It takes the place of the one that is current in its family, unless both ends dialled at once. */
  arrived(connection: C): void {
    const family = this.#family(connection.protocol)
    const { current } = family
    if (current !== undefined && this.#yields(connection, family)) {
      this.#giveWay(connection, current, family)
      return
    }
    family.current = connection
    family.isLeft = false
    this.#stop(family)
    if (current !== undefined) this.#giveWay(current, connection, family)
    this.#link.changed(family.name, connection, current)
    if (family.isDue) this.#consider(family)
  }

  /**
   * Dials of both ends crossed, and both came up: the one of the greater key survives at either end, whichever came first here. Else
   * each end could use the connection on which the other one sends no more.
   */
  #yields({ protocol, initiator }: Moving, { current, isLeft }: Family<C>): boolean {
    const haveCrossed = current?.protocol === protocol && current.initiator !== initiator && !isLeft
    return haveCrossed && (initiator === 'local') !== this.#link.isFirst
  }

  /** A move has not to wait for those before it: of connections that give way the oldest end their graces early. */
  #giveWay(connection: C, to: C, { giving }: Family<C>): void {
    giving.add(connection)
    this.#link.superseded(connection, to)
    for (const early of [...giving].slice(0, -KEPT)) this.#link.hasten(early)
    const [oldest] = giving
    if (giving.size <= LONGEST_QUEUE || oldest === undefined) return
    giving.delete(oldest)
    this.#link.cut(oldest)
  }

  /** A connection is over. Where the network took it (`isLost`), the one that gave way for it is used again, if it still can be. */
  ended(connection: C, isLost: boolean): void {
    const family = this.#families.get(this.#link.families.nameOf(connection.protocol))
    if (family === undefined) return
    family.giving.delete(connection)
    if (family.current === connection) {
      const previous = isLost ? this.#takenBack(family) : undefined
      family.current = previous
      family.isLeft = false
      family.isDue = false
      this.#stop(family)
      this.#link.changed(family.name, previous, connection)
      if (previous !== undefined) this.#due(family)
    } else if (family.isDue) this.#consider(family)
  }

  /** The other end sends nothing more on a connection: it has another one, or wants one. */
  left(connection: C): void {
    const family = this.#families.get(this.#link.families.nameOf(connection.protocol))
    if (family?.current !== connection) return
    family.isLeft = true
    this.#due(family)
  }

  /** Lists of either end have changed. */
  listsChanged(): void {
    for (const family of this.#families.values()) this.#due(family)
  }

  /** The other end has refused our dial, or had its own refused, since this one is to dial: no need to wait. */
  hurry(protocol: string): void {
    const family = this.#families.get(this.#link.families.nameOf(protocol))
    if (family?.current === undefined || !family.isDue || family.timer === undefined) return
    family.timer.cancel()
    family.timer = undefined
    this.#attempt(family)
  }

  /** Nothing moves any more. */
  stop(): void {
    for (const family of this.#families.values()) {
      family.isDue = false
      this.#stop(family)
    }
  }

  #takenBack(family: Family<C>): C | undefined {
    const newest = [...family.giving].reverse()
    const previous = newest.find((connection) => this.#link.takeBack(connection))
    if (previous !== undefined) family.giving.delete(previous)
    return previous
  }

  #due(family: Family<C>): void {
    family.isDue = true
    if (family.attempts > 0) this.#stop(family)
    family.attempts = 0
    this.#consider(family)
  }

  /** Begins the move that is due, goes on with it, or calls it off. */
  #consider(family: Family<C>): void {
    const { current } = family
    const target = this.#link.choose(family.name)
    const isThere = current === undefined || target === undefined || (target === current.protocol && !family.isLeft)
    if (isThere || !this.#link.isAutomatic) {
      family.isDue = false
      this.#stop(family)
      return
    }
    const grace = this.#link.graceOf(current)
    const isDemanded = grace !== undefined
    const isUnderWay = family.timer === undefined || !isDemanded || family.isDemanded
    if (family.target === target && isUnderWay) return
    this.#stop(family)
    if (this.#link.replace(current, target)) {
      family.isDue = false
      return
    }
    const dialler = this.#link.dialler(target)
    const isFull = !isDemanded && family.giving.size >= MOST_GIVING
    if (dialler === 'they' || dialler === 'none' || isFull) return
    family.target = target
    family.isDemanded = isDemanded
    const isSecond = dialler === 'both' && !this.#link.isFirst
    if (isDemanded) this.#wait(family, isSecond ? Math.min(SECOND, grace / SECOND_PART) : 0)
    else this.#wait(family, (isSecond ? SECOND : 0) + this.#pace(family))
  }

  #wait(family: Family<C>, pause: number): void {
    if (pause === 0) {
      this.#attempt(family)
      return
    }
    family.timer = this.#clock.after(pause, () => {
      family.timer = undefined
      this.#attempt(family)
    })
  }

  #attempt(family: Family<C>): void {
    const { target } = family
    if (family.current === undefined || target === undefined) return
    const controller = new AbortController()
    family.controller = controller
    if (!family.isDemanded) this.#spend(family)
    let timer: Timer | undefined
    const endTurn = this.#link.turns.take(() => {
      if (controller.signal.aborted) return
      timer = this.#clock.after(TURN, () => endTurn())
      this.#link.dial(target, ATTEMPT, controller.signal).then(
        () => this.#settled(family, controller),
        () => this.#settled(family, controller),
      )
    })
    family.endTurn = () => {
      timer?.cancel()
      endTurn()
    }
  }

  /** An attempt is over. Where it brought the connection, `arrived` has seen to all. */
  #settled(family: Family<C>, controller: AbortController): void {
    if (family.controller !== controller) return
    const { target, isDemanded } = family
    this.#stop(family)
    if (!family.isDue || family.current === undefined || target === undefined) return
    family.attempts += 1
    family.target = target
    family.isDemanded = isDemanded
    this.#wait(family, Math.min(LONGEST, FIRST * 2 ** (family.attempts - 1)) * (0.5 + this.#clock.random() / 2))
  }

  #stop(family: Family<C>): void {
    family.target = undefined
    family.isDemanded = false
    family.timer?.cancel()
    family.timer = undefined
    const { controller, endTurn } = family
    family.controller = undefined
    family.endTurn = undefined
    controller?.abort()
    endTurn?.()
  }

  /** Milliseconds until a move may begin: a peer whose lists change all the time is followed now and then. */
  #pace(family: Family<C>): number {
    return Math.max(0, family.spentUntil - (PACE_MOVES - 1) * PACE_INTERVAL - this.#clock.now())
  }

  #spend(family: Family<C>): void {
    const now = this.#clock.now()
    const most = now + PACE_MOVES * PACE_INTERVAL
    family.spentUntil = Math.min(most, Math.max(now, family.spentUntil) + PACE_INTERVAL)
  }

  #family(protocol: string): Family<C> {
    const name = this.#link.families.nameOf(protocol)
    const known = this.#families.get(name)
    if (known !== undefined) return known
    const family: Family<C> = {
      name,
      giving: new LateSet(),
      spentUntil: 0,
      attempts: 0,
      isDue: false,
      isLeft: false,
      isDemanded: false,
      current: undefined,
      target: undefined,
      timer: undefined,
      controller: undefined,
      endTurn: undefined,
    }
    this.#families.set(name, family)
    return family
  }
}

interface Family<C> {
  readonly name: string
  current: C | undefined
  /** Connections that have given way, and are not over. */
  readonly giving: LateSet<C>
  /** Lists changed, and the current connection is not yet what they ask for. */
  isDue: boolean
  /** The other end sends nothing more on the current connection. */
  isLeft: boolean
  /** Protocol of the move that is under way. */
  target: string | undefined
  /** A floor of this end's demands it. */
  isDemanded: boolean
  timer: Timer | undefined
  controller: AbortController | undefined
  endTurn: (() => void) | undefined
  attempts: number
  /** Instant at which no move before counts any more: each does so for an interval, one after the other. */
  spentUntil: number
}

/** Wait of the second end for the first, where both may dial: longer than a dial takes over any path. */
const SECOND = 2_000

/** Timeout of an attempt, as of a dial by default; the connection before works meanwhile. */
const ATTEMPT = 10_000

/** A dial that is under way for longer has no turn any more, for it costs little: peers that do not answer hold up no others. */
const TURN = 500

/** Pause after an attempt that failed: doubles. */
const FIRST = 250
const LONGEST = 30_000

/** Part of a floor's grace that the second one waits, where that is shorter: three round trips of a dial fit into the rest. */
const SECOND_PART = 4

/** Connections of a family that give way for their whole grace: as many as an operator who changes his mind makes. */
const KEPT = 3

/** Connections of a family that give way, beyond which only a floor begins another move: a peer that keeps them costs no more than these. */
const MOST_GIVING = 6

/** Connections of a family that give way at once, beyond which the oldest is cut: honest ends make no such moves. */
const LONGEST_QUEUE = 8

/** Moves of a family that follow at once, and the milliseconds after which another one may. */
const PACE_MOVES = 8
const PACE_INTERVAL = 1_000
