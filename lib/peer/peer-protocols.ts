import { BELOW_FLOOR_CODE, SUPERSEDED } from '../arguments/close-codes.js'
import type { Connection } from '../connection/connection.js'
import type { ConnectionRoutes } from '../connection/connection-routes.js'
import type { PeerDials } from '../dial/peer-dials.js'
import type { PeerLists } from '../driver.js'
import { Slots } from '../outbox/slots.js'
import type { Runtime } from '../runtime.js'
import { Announcer } from '../versions/announcer.js'
import { BelowFloor, type BelowFloorLink } from '../versions/below-floor.js'
import type { ClosingFacts } from '../versions/can-close.js'
import { choose, type Lists } from '../versions/choice.js'
import type { Families } from '../versions/families.js'
import type { Floor } from '../versions/floors.js'
import { Moves, type MovesLink } from '../versions/moves.js'
import { PeerSettings, type SentLists } from '../versions/settings.js'
import { NewestLists } from '../versions/their-lists.js'
import type { Turns } from '../versions/turns.js'
import { LateMap } from '../waiting/late-map.js'
import type { FamilyState } from './family-state.js'
import type { PeerEvent } from './peer-event.js'
import type { RefusedDial } from './peer-host.js'

/** Link from the protocols of a peer to the peer. */
export interface ProtocolsLink {
  readonly id: number
  readonly publicKey: string
  /** Live connections of the peer. */
  readonly connections: ReadonlySet<Connection>
  /** All connections of the device. */
  readonly routes: Pick<ConnectionRoutes, 'of'>
  dials(): Pick<PeerDials<Connection>, 'connect' | 'again'>
  isRemoved(): boolean
  event(event: PeerEvent): void
}

/** Protocols between this device and one peer: the lists of both, floors, and which connection of each family is current. */
export class PeerProtocols implements MovesLink<Connection>, BelowFloorLink<Connection> {
  readonly turns: Turns
  readonly isFirst: boolean
  readonly isAutomatic: boolean
  readonly #runtime: Runtime
  readonly #link: ProtocolsLink
  readonly #mine: PeerSettings
  readonly #theirs = new NewestLists()
  readonly #announcer: Announcer
  readonly #moves: Moves<Connection>
  readonly #slots = new LateMap<string, Slots>()
  readonly #since = new LateMap<string, Date>()
  readonly #belowFloor: BelowFloor<Connection>
  /** Connections on which the peer sends nothing more. */
  #left: WeakSet<Connection> | undefined
  /** The connection on which the newest lists were told. */
  #toldOn: Connection | undefined
  #wasOwn = false
  #changedAt = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(runtime: Runtime, link: ProtocolsLink) {
    const { settings, turns, moves, clock, device } = runtime
    this.#runtime = runtime
    this.#link = link
    this.#mine = new PeerSettings(settings, () => this.#listsChanged())
    this.#announcer = new Announcer(() => this.#announce(), clock)
    this.#belowFloor = new BelowFloor(this, clock)
    this.#moves = new Moves(this, clock)
    this.isFirst = device > link.publicKey
    this.isAutomatic = moves.auto
    this.turns = turns
  }

  /** Lists of this end. */
  get mine(): SentLists {
    return this.#mine.sent
  }

  /** Lists of the peer, as it told last; `undefined`: never. */
  get theirs(): PeerLists | undefined {
    return this.#theirs.current
  }

  /** Settings of the peer's own. */
  get settings(): PeerSettings {
    return this.#mine
  }

  /** The peer announces its lists, and says when it has finished on a connection. */
  get isAnswered(): boolean {
    return this.theirs?.generation !== undefined
  }

  /** The best version of a family by the newest lists of both ends. */
  best(family: string): string | undefined {
    const { families } = this.#runtime.settings
    const { theirs } = this
    const isOf = (name: string): boolean => families.nameOf(name) === family
    if (theirs === undefined) return undefined
    // The build before looks at what the dialler offers alone.
    if (theirs.generation === undefined)
      return choose({ offer: this.mine.offer, accept: [] }, { offer: [], accept: theirs.accept }, isOf)
    return choose(this.mine, theirs, isOf)
  }

  /** Whether both ends have a version of a protocol's family in common, as far as is known. */
  hasCommon(protocol: string): boolean {
    return this.best(this.#familyOf(protocol)) !== undefined
  }

  /** Whether a connection is the one of its family that is used. */
  isCurrent(connection: Connection): boolean {
    return this.current(connection.protocol) === connection
  }

  /** The connection that is used in the family of a protocol. */
  current(protocol: string): Connection | undefined {
    return this.#moves.current(this.#familyOf(protocol))
  }

  /** Facts of a connection in this protocol that came up, with lists of this generation of the peer's. */
  factsOf(protocol: string, initiator: 'local' | 'remote', generation: PeerLists['generation']) {
    return {
      replaces: this.#moves.predecessorOf({ protocol, initiator }),
      isAnswered: generation !== undefined,
      slots: this.#slotsOf(protocol),
      spoken: this.#runtime.spoken.of(protocol),
      move: (connection: Connection) => this.#move(connection),
      announced: (lists: PeerLists) => this.#announced(lists),
      left: (connection: Connection) => {
        this.#left ??= new WeakSet()
        this.#left.add(connection)
        this.#moves.left(connection)
        this.#hastenLeft()
      },
    }
  }

  #slotsOf(protocol: string): Slots {
    const family = this.#familyOf(protocol)
    const known = this.#slots.get(family)
    if (known !== undefined) return known
    const slots = new Slots()
    this.#slots.set(family, slots)
    return slots
  }

  /** A hello came with these lists: before its connection is told of. */
  greeted(lists: PeerLists): boolean {
    return this.#theirs.learn(lists)
  }

  /** A connection is up, after those who dialled it know; `isNews`: its hello had lists that were not known. */
  arrived(connection: Connection, isNews: boolean): void {
    const spoken = this.#runtime.spoken.of(connection.protocol)
    spoken.connections += 1
    spoken.connectionsOpened += 1
    this.#moves.arrived(connection)
    // Its hello has the newest lists, or the driver tells them on it.
    this.#toldOn = connection
    const wasChanged = this.#runtime.clock.now() - this.#changedAt < HELLO_TIME
    if (wasChanged || isNews) this.#moves.listsChanged()
    this.#hastenLeft()
    this.#belowFloor.check(this.#link.connections)
  }

  /** Lists came on a connection. */
  #announced(lists: PeerLists): void {
    if (!this.#theirs.learn(lists)) return
    for (const family of this.#names()) this.#tell(family, this.#moves.current(family)?.protocol)
    this.#moves.listsChanged()
    this.#hastenLeft()
  }

  /** A dial of the peer's was refused: one that this end is to make, it makes; others are told of. */
  dialRefused({ why, offered, chosen }: RefusedDial): void {
    const { publicKey } = this.#link
    const { accept: accepts, below } = this.mine
    if (why === 'peer-dials') {
      if (chosen !== undefined) this.#dialInstead(chosen)
      return
    }
    for (const name of why === 'below-floor' ? offered.filter((protocol) => below.includes(protocol)) : []) {
      this.#runtime.spoken.of(name).refusedBelowFloor += 1
      this.#runtime.spoken.spoke(publicKey, name)
    }
    this.#link.event({ type: 'refused', publicKey, reason: why, offered, accepts })
  }

  /** Facts by which `canClose` looks at the peer. */
  closingFacts(protocol: string): Omit<ClosingFacts<unknown>, 'peer'> {
    const { mine, theirs } = this
    const connections = [...this.#link.connections]
    return {
      mine,
      theirs,
      isConnected: connections.length > 0,
      speaks: connections.some((connection) => connection.protocol === protocol),
      quietFor: this.#runtime.spoken.quietFor(this.#link.publicKey, protocol),
    }
  }

  /** A connection is over, and in the peer's set no more; `isLost`: by no application's will. */
  ended(connection: Connection, isLost: boolean): void {
    const { spoken } = this.#runtime
    spoken.of(connection.protocol).connections -= 1
    spoken.spoke(this.#link.publicKey, connection.protocol)
    this.#belowFloor.ended(connection)
    this.#moves.ended(connection, isLost)
    if (this.#link.connections.size === 0) this.#theirs.left()
    if (this.#toldOn !== connection) return
    this.#toldOn = undefined
    // What was told on it may be lost.
    if (this.#link.connections.size > 0) this.#announcer.changed()
  }

  /** Versions by family: of all that either end names, or that are spoken. */
  get view(): ReadonlyMap<string, FamilyState> {
    return new Map(Array.from(this.#names(), (family) => [family, this.stateOf(family)]))
  }

  stateOf(family: string): FamilyState {
    const isOf = (name: string): boolean => this.#familyOf(name) === family
    const { offer, accept } = this.theirs ?? NO_LISTS
    const current = this.#moves.current(family)?.protocol
    return {
      offered: offer.filter(isOf),
      accepted: accept.filter(isOf),
      current,
      since: current === undefined ? undefined : this.#since.get(family),
    }
  }

  /** The peer or the device goes away. */
  stop(): void {
    this.#isOver = true
    this.#mine.stop()
    this.#announcer.stop()
    this.#moves.stop()
    this.#belowFloor.stop()
  }

  get families(): Families {
    return this.#runtime.settings.families
  }

  choose(family: string): string | undefined {
    return this.best(family)
  }

  dialler(protocol: string): 'we' | 'they' | 'both' | 'none' {
    const { mine, theirs = NO_LISTS } = this
    const we = mine.offer.includes(protocol) && theirs.accept.includes(protocol)
    const they = theirs.offer.includes(protocol) && mine.accept.includes(protocol)
    if (we) return they ? 'both' : 'we'
    return they ? 'they' : 'none'
  }

  dial(protocol: string, timeout: number, signal: AbortSignal | undefined): Promise<Connection> {
    return this.#link.dials().connect([protocol], timeout, signal, 'move')
  }

  replace(connection: Connection): boolean {
    if (this.isAnswered) return false
    void this.#replace(connection)
    return true
  }

  superseded(connection: Connection, by: Connection): void {
    this.#link.routes.of(connection)?.superseded(by)
  }

  hasten(connection: Connection, limit?: number): void {
    this.#link.routes.of(connection)?.hasten(limit)
  }

  cut(connection: Connection): void {
    this.#link.routes.of(connection)?.cut()
  }

  takeBack(connection: Connection): boolean {
    return this.#link.routes.of(connection)?.takeBack() ?? false
  }

  graceOf(connection: Connection): number | undefined {
    return this.floorAbove(connection)?.grace
  }

  floorAbove({ protocol }: Connection): Floor | undefined {
    return this.#mine.floorAbove(protocol)
  }

  move({ protocol }: Connection, timeout: number): Promise<Connection> | undefined {
    const target = this.isAnswered ? this.best(this.#familyOf(protocol)) : undefined
    const isOurs = target !== undefined && ['we', 'both'].includes(this.dialler(target))
    return isOurs ? this.dial(target, timeout, undefined) : undefined
  }

  close(connection: Connection, { protocol }: Floor): void {
    this.#runtime.spoken.of(connection.protocol).refusedBelowFloor += 1
    this.#link.routes.of(connection)?.close(BELOW_FLOOR_CODE, `below the floor: ${protocol} or newer`)
  }

  changed(family: string, current: Connection | undefined, previous: Connection | undefined): void {
    if (current === undefined) this.#since.delete(family)
    else if (current.protocol !== previous?.protocol) this.#since.set(family, new Date(this.#runtime.clock.date()))
    if (current?.protocol !== previous?.protocol) this.#tell(family, previous?.protocol)
  }

  /** By hand, what moves do by themselves. */
  async #move(connection: Connection): Promise<Connection> {
    const target = this.best(this.#familyOf(connection.protocol))
    if (target === undefined || target === connection.protocol) return connection
    if (!this.isAnswered) await connection.close({ reason: SUPERSEDED })
    return this.#link.dials().connect([target], TIMEOUT, undefined, 'move')
  }

  /** The peer knows no moves: nothing more is sent on the connection, it is closed, and its family is dialled anew. */
  async #replace(connection: Connection): Promise<void> {
    if (!connection.isOpen) return
    await connection.close({ reason: SUPERSEDED })
    if (!this.#isOver && !this.#link.isRemoved()) this.#link.dials().again(connection.protocol)
  }

  /** The peer asked for what this end alone offers. */
  #dialInstead(protocol: string): void {
    this.#moves.hurry(protocol)
    this.#link
      .dials()
      .connect([protocol], TIMEOUT, undefined, 'peer-asked')
      .catch(() => undefined)
  }

  #tell(family: string, previous: string | undefined): void {
    const { publicKey } = this.#link
    this.#link.event({ type: 'protocol', publicKey, family, previous, ...this.stateOf(family) })
  }

  #familyOf(protocol: string): string {
    return this.#runtime.settings.families.nameOf(protocol)
  }

  #names(): Set<string> {
    const { offer, accept } = this.theirs ?? NO_LISTS
    const protocols = [...this.mine.offer, ...this.mine.accept, ...offer, ...accept]
    const spoken = Array.from(this.#moves.families).filter((family) => this.#moves.current(family) !== undefined)
    return new Set([...protocols.map((name) => this.#familyOf(name)), ...spoken])
  }

  /** Lists of this end are others now: they hold for the next dial, and connected peers are told. */
  #listsChanged(): void {
    if (this.#isOver || !this.#runtime.isOpen) return
    this.#changedAt = this.#runtime.clock.now()
    const { isOwn } = this.#mine
    if (isOwn || this.#wasOwn) this.#runtime.driver.setProtocols(this.#link.id, isOwn ? this.mine : undefined)
    this.#wasOwn = isOwn
    if (this.#link.connections.size === 0) return
    if (this.isAnswered) this.#announcer.changed()
    this.#moves.listsChanged()
    this.#belowFloor.check(this.#link.connections)
  }

  #announce(): void {
    if (this.#isOver || !this.#runtime.isOpen || !this.isAnswered) return
    const newest = [...this.#link.connections].reverse()
    const carrier = newest.find((connection) => connection.isOpen) ?? newest[0]
    const receiver = carrier && this.#link.routes.of(carrier)
    if (receiver === undefined) return
    this.#toldOn = carrier
    this.#runtime.driver.announce(receiver.id, this.mine)
  }

  /** The peer speaks a protocol no more, in which it has finished on a connection that gives way: this end's grace has no use. */
  #hastenLeft(): void {
    const { offer, accept } = this.theirs ?? NO_LISTS
    for (const connection of this.#link.connections) {
      const isSpoken = offer.includes(connection.protocol) || accept.includes(connection.protocol)
      if (!isSpoken && this.#left?.has(connection) && !this.isCurrent(connection))
        this.#link.routes.of(connection)?.hasten()
    }
  }
}

const NO_LISTS: Lists = { offer: [], accept: [] }

/** As a dial by default. */
const TIMEOUT = 10_000

/** A hello is answered, or made anew, within this (`ACCEPT_TIMEOUT` of `native/engine`). */
const HELLO_TIME = 10_000
