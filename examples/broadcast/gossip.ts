import type { Connection, Outgoing } from 'warren'
import type { Fault } from './fault.js'
import { Held } from './held.js'
import { decode, encodeIds, type ObjectId, type SharedObject, Tag } from './objects.js'

/** What the nodes tell each other about objects goes before the objects themselves. It is some 40 bytes an object. */
const CONTROL_PRIORITY = 255

export interface GossipEvents {
  /** An object that this node did not have. */
  received(object: SharedObject): void
  /** A neighbour said, when it was met, that it holds these. */
  offered(ids: readonly ObjectId[]): void
}

interface Neighbour {
  readonly connection: Connection
  /** Bulk objects that wait to leave or are on their way; aborting takes one back. */
  readonly giving: Map<ObjectId, AbortController>
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
 * forwarding takes a reference to the bytes, calls `send` and goes on. What bounds these queues is the origin: a bulk object
 * is `done` at a node once every neighbour that got it from there is done with it, and the origin learns it last. An origin
 * that has at most W objects which are not done keeps at most W objects in the whole network, so with N nodes no queue ever
 * holds more than W x N bulk objects, and what `held.ts` keeps for a neighbour that is new. (A node that dies takes its part of that knowledge along: its neighbours count it
 * as done, and for as long as what it had under way takes to spread, an origin may be ahead by that much.)
 * Urgent objects are small and come at a fixed rate; they are flooded without any of this.
 */
export class Gossip {
  readonly #neighbours = new Set<Neighbour>()
  readonly #seen = new Set<ObjectId>()
  readonly #held = new Held()
  readonly #spreading = new Map<ObjectId, Spread>()
  readonly #events: GossipEvents
  readonly #fault: Fault

  constructor(events: GossipEvents, fault: Fault) {
    this.#events = events
    this.#fault = fault
  }

  get isAlone(): boolean {
    return this.#neighbours.size === 0
  }

  /** Bulk objects that wait to leave or are on their way, to all neighbours together. */
  get queued(): number {
    let queued = 0
    for (const neighbour of this.#neighbours) queued += neighbour.giving.size
    return queued
  }

  /**
   * Exchanges objects with a neighbour until the connection ends.
   *
   * Both sides begin with their inventory, and each then gives what the other lacks. A node that joins, one that comes back
   * and two that met for the first time all go this way.
   */
  async meet(connection: Connection): Promise<void> {
    const held = this.#held.snapshot()
    const neighbour: Neighbour = { connection, giving: new Map() }
    this.#neighbours.add(neighbour)
    this.#tell(
      neighbour,
      Tag.inventory,
      held.map(({ id }) => id),
    )
    for await (const { bytes, priority } of connection.messages()) {
      const frame = decode(bytes, priority)
      switch (frame?.type) {
        case 'object':
          this.#take(frame.object, neighbour)
          break
        case 'inventory': {
          const theirs = new Set(frame.ids)
          this.#events.offered(frame.ids)
          for (const object of held.splice(0)) if (!theirs.has(object.id)) this.#give(object, neighbour)
          break
        }
        case 'have':
        case 'done':
          this.#hasIt(frame.id, neighbour)
          break
        case undefined:
          connection.destroy({ code: 1, reason: 'not a message of this protocol' })
      }
    }
    this.#neighbours.delete(neighbour)
    for (const id of this.#spreading.keys()) this.#hasIt(id, neighbour)
  }

  /** Sends a new object to everybody. Resolves, for bulk, when the whole network is done with it; for urgent at once. */
  publish(object: SharedObject): Promise<void> {
    return new Promise((resolve) => this.#spread(object, undefined, resolve))
  }

  #take(object: SharedObject, from: Neighbour): void {
    if (this.#seen.has(object.id)) {
      if (object.kind === 'bulk') this.#tell(from, Tag.have, [object.id])
      this.#hasIt(object.id, from)
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
    for (const neighbour of this.#neighbours) {
      if (neighbour === from) continue
      if (object.kind === 'bulk') this.#tell(neighbour, Tag.have, [object.id])
      this.#give(object, neighbour)
    }
    if (object.kind === 'urgent') finish()
    else this.#finishIfDone(object.id)
  }

  #give(object: SharedObject, neighbour: Neighbour): void {
    const bytes = this.#fault.alter(object)
    if (object.kind === 'urgent') {
      void this.#send(neighbour, bytes, object.priority)
      return
    }
    const takeBack = new AbortController()
    neighbour.giving.set(object.id, takeBack)
    this.#spreading.get(object.id)?.waiting.add(neighbour)
    const isOver = (): boolean => neighbour.giving.delete(object.id)
    void this.#send(neighbour, bytes, object.priority, takeBack.signal).then((outgoing) =>
      outgoing?.settled.then(isOver),
    )
  }

  /** The neighbour got it, from here or from elsewhere, or is gone. What is still queued for it is taken back. */
  #hasIt(id: ObjectId, neighbour: Neighbour): void {
    neighbour.giving.get(id)?.abort()
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

  #tell(neighbour: Neighbour, tag: number, ids: readonly ObjectId[]): void {
    void this.#send(neighbour, encodeIds(tag, ids), CONTROL_PRIORITY)
  }

  /** Nobody waits for it. Undefined when it was taken back, or the connection is lost, which ends the loop in `meet`. */
  #send(
    neighbour: Neighbour,
    bytes: Uint8Array,
    priority: number,
    signal?: AbortSignal,
  ): Promise<Outgoing | undefined> {
    return neighbour.connection.send(bytes, { priority, signal }).catch(() => undefined)
  }
}
