import type { Clock } from '../waiting/clock.js'
import type { Lists } from './choice.js'
import { type Families, versionsBefore } from './families.js'
import { type Floor, Floors } from './floors.js'

/** Lists towards a peer as they are sent, and counted. */
export interface SentLists extends Lists {
  /** Counts the changes of this process, over all peers. */
  readonly generation: number
  /** Protocols that a floor left out of both lists. */
  readonly leftOut: readonly string[]
  /** These, and more that are below a floor: they left the lists before, or are numbered so. A peer that offers one learns why it is refused. */
  readonly below: readonly string[]
  /** Transports, best first. */
  readonly transports: readonly string[]
}

/** Settings of a device: its protocols and floors, which hold for each peer that has none of its own. */
export class Settings {
  readonly families: Families
  readonly clock: Clock
  readonly floors: Floors
  readonly #told = new Set<() => void>()
  /** Names that some list had, the newest last. */
  readonly #listed = new Set<string>()
  #lists: Lists
  #transports: readonly string[]
  #generation = FIRST_GENERATION
  #sent: SentLists | undefined

  constructor(lists: Lists, transports: readonly string[], families: Families, clock: Clock) {
    this.#lists = lists
    this.noteListed(lists)
    this.#transports = transports
    this.families = families
    this.clock = clock
    this.floors = new Floors(families, clock, () => this.#changed())
  }

  get lists(): Lists {
    return this.#lists
  }

  get transports(): readonly string[] {
    return this.#transports
  }

  /** Lists for a peer that has no setting of its own. */
  get sent(): SentLists {
    this.#sent ??= this.sentOf(this.#lists, [this.floors])
    return this.#sent
  }

  setLists(lists: Lists): void {
    this.#lists = lists
    this.noteListed(lists)
    this.#changed()
  }

  setTransports(transports: readonly string[]): void {
    this.#transports = transports
    this.#changed()
  }

  /** Whether some list of this device has a protocol, or had it lately. */
  hasListed(protocol: string): boolean {
    return this.#listed.has(protocol)
  }

  /** Lists of the device, or towards a peer. */
  noteListed({ offer, accept }: Lists): void {
    for (const name of [...offer, ...accept]) {
      this.#listed.delete(name)
      this.#listed.add(name)
    }
    for (const oldest of this.#listed) {
      if (this.#listed.size <= MOST_LISTED) break
      this.#listed.delete(oldest)
    }
  }

  /** Calls back at each change, until the function that it returns is called. */
  watch(changed: () => void): () => void {
    this.#told.add(changed)
    return () => this.#told.delete(changed)
  }

  /** Begins a later generation for all that is sent from now on, to whomever, so that a peer never finds an older one the newest. */
  next(): void {
    this.#generation += 1
    this.#sent = undefined
  }

  /** Lists without what is below the floors, under a generation of their own. */
  sentOf(lists: Lists, floors: readonly Floors[], transports: readonly string[] = this.#transports): SentLists {
    const isBelow = (name: string): boolean => floorOf(name, floors, this.families) !== undefined
    const [offer, accept] = [lists.offer, lists.accept].map((names) => names.filter((name) => !isBelow(name)))
    const leftOut = [...new Set([...lists.offer, ...lists.accept].filter(isBelow))]
    const before = floors.flatMap((each) => each.holding).flatMap(({ protocol }) => this.#before(protocol))
    const known = [...leftOut, ...[...this.#listed].reverse().filter(isBelow), ...before]
    return {
      generation: this.#generation,
      offer: offer ?? [],
      accept: accept ?? [],
      leftOut,
      below: [...new Set(known)].slice(0, MOST_BELOW),
      transports,
    }
  }

  stop(): void {
    this.floors.stop()
    this.#told.clear()
  }

  #before(protocol: string): readonly string[] {
    return versionsBefore(protocol, this.families, MOST_BEFORE)
  }

  #changed(): void {
    this.next()
    for (const tell of [...this.#told]) tell()
  }
}

/** Settings towards one peer: its own where it has them, else those of the device. Of two floors the higher one holds. */
export class PeerSettings {
  readonly #device: Settings
  /** Made when it is needed: most of thousands of peers have none. */
  #floors: Floors | undefined
  readonly #changed: () => void
  readonly #unwatch: () => void
  #lists: Lists | undefined
  #transports: readonly string[] | undefined
  #sent: SentLists | undefined

  /** `changed` is called after each change of what is sent to the peer. */
  constructor(device: Settings, changed: () => void) {
    this.#device = device
    this.#changed = changed
    this.#unwatch = device.watch(() => this.#deviceChanged())
  }

  /** Lists of the peer's own; `undefined`: those of the device. */
  get own(): Lists | undefined {
    return this.#lists
  }

  /** Something of this peer differs from what the device sends to all. */
  get isOwn(): boolean {
    return this.#lists !== undefined || this.#transports !== undefined || this.floors.length > 0
  }

  get sent(): SentLists {
    if (!this.isOwn) return this.#device.sent
    const { lists, floors, transports } = this.#device
    this.#sent ??= this.#device.sentOf(this.#lists ?? lists, this.#withOwn(floors), this.#transports ?? transports)
    return this.#sent
  }

  /** The floor under which a protocol is, if there is one. */
  floorAbove(protocol: string): Floor | undefined {
    return floorOf(protocol, this.#withOwn(this.#device.floors), this.#device.families)
  }

  /** Floors of the peer's own. */
  get floors(): readonly Floor[] {
    return this.#floors?.all ?? []
  }

  setLists(lists: Lists | undefined): void {
    this.#lists = lists
    if (lists !== undefined) this.#device.noteListed(lists)
    this.#change()
  }

  setTransports(transports: readonly string[] | undefined): void {
    this.#transports = transports
    this.#change()
  }

  setFloor(floor: Floor): void {
    const { families, clock } = this.#device
    this.#floors ??= new Floors(families, clock, () => this.#change())
    this.#floors.set(floor)
  }

  clearFloor(family: string): void {
    this.#floors?.clear(family)
  }

  stop(): void {
    this.#floors?.stop()
    this.#unwatch()
  }

  #withOwn(floors: Floors): readonly Floors[] {
    return this.#floors === undefined ? [floors] : [floors, this.#floors]
  }

  #change(): void {
    this.#device.next()
    this.#deviceChanged()
  }

  #deviceChanged(): void {
    this.#sent = undefined
    this.#changed()
  }
}

/** The floor that a protocol is below: of several the highest. */
function floorOf(protocol: string, all: readonly Floors[], families: Families): Floor | undefined {
  if (all.every(({ isEmpty }) => isEmpty)) return undefined
  const family = families.nameOf(protocol)
  return all
    .flatMap((floors) => floors.of(family) ?? [])
    .filter((floor) => families.isOlder(protocol, floor.protocol))
    .reduce<Floor | undefined>(
      (highest, floor) =>
        highest === undefined || families.isOlder(highest.protocol, floor.protocol) ? floor : highest,
      undefined,
    )
}

/** Generation of the lists with which a device opens. */
export const FIRST_GENERATION = 1

/** Four times as many names as both lists have. */
const MOST_LISTED = 256

/** Versions that are alive at once somewhere, and those that a node which was left behind may still have. */
const MOST_BEFORE = 16

/** `MAX_NAMES` of `native/protocols`. */
const MOST_BELOW = 64
