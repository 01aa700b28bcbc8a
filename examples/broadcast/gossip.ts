import type { Connection, Device, MessageFilter, Outgoing } from 'warren'
import type { Fault } from './fault.js'
import { Held } from './held.js'
import { BULK_PRIORITY, CONTROL_PRIORITY, URGENT_PRIORITY } from './lanes.js'
import { decode, encodeIds, type Frame, type ObjectId, type SharedObject, Tag } from './objects.js'
import { encode, decode as unwrap } from './versions.js'

export interface GossipEvents {
  /** An object that this node did not have. */
  received(object: SharedObject): void
  /** A neighbour said, when it was met, that it holds these. */
  offered(ids: readonly ObjectId[]): void
  /** A neighbour gave an object that it had given before. */
  doubled(id: ObjectId): void
}

interface Neighbour {
  /** Where it is told things: the newest one, when it moved to another version of the protocol. */
  connection: Connection
  /** Objects that came from it. */
  readonly came: Set<ObjectId>
  /** Bulk objects that wait to leave or are on their way, as soon as they are in their lane: what can be taken back. */
  readonly giving: Map<ObjectId, Outgoing | undefined>
  /** What this node held when the two met; given once the neighbour said what it has. */
  readonly owed: SharedObject[]
}

/** A bulk object on its way through this node. */
interface Spread {
  /** Those it was given to, who have not yet said that they are done with it. */
  readonly waiting: Set<Neighbour>
  readonly finish: () => void
}

/**
 * Floods objects through the overlay: what is new goes to every neighbour but the one it came from.
 *
 * **A read loop never waits for a send.** Two nodes that each wait for the other to read would stand still for ever. So
 * forwarding is one `device.broadcast`, which copies the bytes once and takes them for every neighbour, and the loop goes on.
 * What bounds these queues is the origin: a bulk object is `done` at a node once every neighbour that got it from there is done
 * with it, and the origin learns it last. An origin that has at most W objects which are not done keeps at most W objects in the
 * whole network, so with N nodes no queue ever holds more than W x N bulk objects, and what `held.ts` keeps for a neighbour that
 * is new. (A node that dies takes its part of that knowledge along: its neighbours count it as done, and for as long as what it
 * had under way takes to spread, an origin may be ahead by that much.)
 * Urgent objects are small and come at a fixed rate; they are flooded without any of this.
 */
export class Gossip {
  readonly #device: Device
  readonly #neighbours = new Map<Connection, Neighbour>()
  readonly #seen = new Set<ObjectId>()
  readonly #held = new Held()
  readonly #spreading = new Map<ObjectId, Spread>()
  readonly #events: GossipEvents
  readonly #fault: Fault

  constructor(device: Device, events: GossipEvents, fault: Fault) {
    this.#device = device
    this.#events = events
    this.#fault = fault
  }

  get isAlone(): boolean {
    return this.#neighbours.size === 0
  }

  /** Bulk objects that wait to leave or are on their way, to all neighbours together. */
  get queued(): number {
    let queued = 0
    for (const { giving } of this.#all) queued += giving.size
    return queued
  }

  /**
   * Takes part until the device closes: one reader for what is urgent, one for bulk. Each takes the messages of all neighbours,
   * who take turns, and neither ever waits for the other.
   */
  async run(): Promise<void> {
    await Promise.all([this.#read({ minPriority: URGENT_PRIORITY }), this.#read({ maxPriority: URGENT_PRIORITY - 1 })])
  }

  /**
   * Exchanges objects with a neighbour until the connection ends.
   *
   * Both sides begin with their inventory, and each then gives what the other lacks. A node that joins, one that comes back
   * and two that met for the first time all go this way.
   */
  async meet(connection: Connection): Promise<void> {
    const known = connection.replaces && this.#neighbours.get(connection.replaces)
    const neighbour = known ?? this.#newcomer(connection)
    // One that moves to another version stays the neighbour that it is: both have said what they hold.
    neighbour.connection = connection
    this.#neighbours.set(connection, neighbour)
    if (known === undefined) this.#introduce(neighbour)
    await connection.closed
    this.#neighbours.delete(connection)
    if (neighbour.connection !== connection) return
    for (const id of this.#spreading.keys()) this.#hasIt(id, neighbour)
  }

  /** Sends a new object to everybody. Resolves, for bulk, when the whole network is done with it; for urgent at once. */
  publish(object: SharedObject): Promise<void> {
    return new Promise((resolve) => this.#spread(object, undefined, resolve))
  }

  /** Each neighbour once, also while it moves and has two connections. */
  get #all(): ReadonlySet<Neighbour> {
    return new Set(this.#neighbours.values())
  }

  #newcomer(connection: Connection): Neighbour {
    return { connection, came: new Set(), giving: new Map(), owed: this.#held.snapshot() }
  }

  #introduce(neighbour: Neighbour): void {
    this.#tell(
      neighbour,
      Tag.inventory,
      neighbour.owed.map(({ id }) => id),
    )
  }

  async #read(filter: MessageFilter): Promise<void> {
    for await (const { bytes, priority, connection } of this.#device.messages(filter)) {
      // Undefined when its connection has ended since; an object is as good as another.
      const from = this.#neighbours.get(connection)
      const frame = decode(unwrap(connection.protocol, bytes), priority)
      if (frame === undefined) connection.destroy({ code: 1, reason: 'not a message of this protocol' })
      else if (frame.type === 'object') this.#take(frame.object, from)
      else if (from !== undefined) this.#hear(frame, from)
    }
  }

  #hear(frame: Exclude<Frame, { type: 'object' }>, from: Neighbour): void {
    if (frame.type !== 'inventory') {
      this.#hasIt(frame.id, from)
      return
    }
    const theirs = new Set(frame.ids)
    this.#events.offered(frame.ids)
    // What is late already must not delay what is not: hundreds of urgent objects of the past would fill the uplink for 0.1 s.
    for (const object of from.owed.splice(0)) if (!theirs.has(object.id)) this.#give(object, [from], BULK_PRIORITY)
  }

  #take(object: SharedObject, from: Neighbour | undefined): void {
    if (from?.came.has(object.id)) this.#events.doubled(object.id)
    from?.came.add(object.id)
    if (this.#seen.has(object.id)) {
      if (object.kind === 'bulk') this.#tell(from, Tag.have, [object.id])
      if (from !== undefined) this.#hasIt(object.id, from)
      return
    }
    const finish = (): void => {
      if (object.kind === 'bulk') this.#tell(from, Tag.done, [object.id])
    }
    if (this.#fault.loses(object)) {
      this.#seen.add(object.id)
      finish()
      return
    }
    this.#events.received(object)
    this.#spread(object, from, finish)
  }

  #spread(object: SharedObject, from: Neighbour | undefined, finish: () => void): void {
    this.#seen.add(object.id)
    if (object.kind === 'bulk') this.#spreading.set(object.id, { waiting: new Set(), finish })
    this.#held.add(object, (id) => this.#spreading.has(id))
    const others = [...this.#all].filter((neighbour) => neighbour !== from)
    if (object.kind === 'bulk') void this.#broadcast(encodeIds(Tag.have, [object.id]), CONTROL_PRIORITY, others)
    this.#give(object, others)
    if (object.kind === 'urgent') finish()
    else this.#finishIfDone(object.id)
  }

  #give(object: SharedObject, neighbours: readonly Neighbour[], priority = object.priority): void {
    const { id, kind } = object
    const sending = this.#broadcast(this.#fault.alter(object), priority, neighbours)
    if (kind === 'urgent') return
    for (const neighbour of neighbours) {
      neighbour.giving.set(id, undefined)
      this.#spreading.get(id)?.waiting.add(neighbour)
    }
    void sending.then((results) => {
      for (const [index, neighbour] of neighbours.entries()) this.#given(id, neighbour, results[index])
    })
  }

  /** It stands in the lane of a neighbour, who may have got it from elsewhere meanwhile. */
  #given(id: ObjectId, { giving }: Neighbour, outgoing: Outgoing | undefined): void {
    if (!giving.has(id)) {
      outgoing?.cancel()
      return
    }
    giving.set(id, outgoing)
    void outgoing?.settled.then(() => giving.delete(id))
  }

  /** The neighbour got it, from here or from elsewhere, or is gone. What is still queued for it is taken back. */
  #hasIt(id: ObjectId, neighbour: Neighbour): void {
    neighbour.giving.get(id)?.cancel()
    neighbour.giving.delete(id)
    this.#spreading.get(id)?.waiting.delete(neighbour)
    this.#finishIfDone(id)
  }

  #finishIfDone(id: ObjectId): void {
    const spread = this.#spreading.get(id)
    if (spread === undefined || spread.waiting.size > 0) return
    this.#spreading.delete(id)
    spread.finish()
  }

  #tell(neighbour: Neighbour | undefined, tag: number, ids: readonly ObjectId[]): void {
    if (neighbour !== undefined) void this.#broadcast(encodeIds(tag, ids), CONTROL_PRIORITY, [neighbour])
  }

  /** No read loop waits for it. Of each neighbour what is on its way to it; undefined when the device is closing. */
  async #broadcast(
    bytes: Uint8Array,
    priority: number,
    neighbours: readonly Neighbour[],
  ): Promise<readonly (Outgoing | undefined)[]> {
    const to = neighbours.map(({ connection }) => connection)
    const results = await this.#device
      .broadcast(({ protocol }) => encode(protocol, bytes), { to, priority })
      .catch(() => undefined)
    return to.map((connection) => results?.get(connection))
  }
}
