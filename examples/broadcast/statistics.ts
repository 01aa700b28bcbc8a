import type { Device, LaneStats } from 'warren'
import { now } from './clock.js'
import { Gaps } from './gaps.js'
import type { GossipEvents } from './gossip.js'
import { BULK_PRIORITY, URGENT_PRIORITY } from './lanes.js'
import type { ObjectId, SharedObject } from './objects.js'
import { percentile } from './percentile.js'
import type { FromNode, LaneRow, Receipt, Row } from './report.js'

/** How far back a line of the table looks. */
const WINDOW_MS = 2_000

/** What a node knows about itself, and tells the parent now and then. */
export class Statistics implements GossipEvents {
  handshakes: readonly number[] = []
  /** What was due before is history that neighbours pass on when a node joins: it says nothing about the network's speed. */
  linkedAt = Infinity
  /** What was due before belongs to another phase; without priorities, much of it arrives late. */
  phaseAt = 0
  readonly #device: Device
  #received: Receipt[] = []
  #offered: ObjectId[] = []
  #doubled: ObjectId[] = []
  readonly #gaps: Gaps
  #recent: { readonly at: number; readonly due: number; readonly kind: string; readonly latency: number }[] = []
  #counted: Counted

  constructor(device: Device) {
    this.#device = device
    this.#gaps = new Gaps(device)
    this.#counted = this.#count()
  }

  received({ id, kind, due }: SharedObject): void {
    const at = now()
    this.#received.push({ id, latency: at - due })
    this.#recent.push({ at, due, kind, latency: at - due })
  }

  offered(ids: readonly ObjectId[]): void {
    this.#offered.push(...ids)
  }

  doubled(id: ObjectId): void {
    this.#doubled.push(id)
  }

  /** Everything since the last call. */
  take(queue: number): FromNode {
    const report = {
      type: 'statistics',
      received: this.#received,
      offered: this.#offered,
      doubled: this.#doubled,
      gaps: this.#gaps.take(),
      row: this.#row(queue),
    } as const
    this.#received = []
    this.#offered = []
    this.#doubled = []
    return report
  }

  #row(queue: number): Row {
    const before = this.#counted
    const counted = this.#count()
    this.#counted = counted
    const bitsPerSecond = (bytes: number): number => (bytes * 8_000) / Math.max(1, counted.at - before.at)

    this.#recent = this.#recent.filter(({ at, due }) => at > counted.at - WINDOW_MS && due >= this.linkedAt)
    const urgent = this.#recent
      .filter(({ kind, due }) => kind === 'urgent' && due >= this.phaseAt)
      .map(({ latency }) => latency)
    const bulk = this.#recent.filter(({ kind }) => kind === 'bulk').map(({ latency }) => latency)
    const cpu = process.cpuUsage()
    const { offer, accept } = this.#device.protocols
    return {
      peers: this.#device.connections.size,
      offers: offer,
      accepts: accept,
      speaks: spoken(this.#device),
      handshake: percentile(this.handshakes, 0.5),
      bitsIn: bitsPerSecond(counted.bytesIn - before.bytesIn),
      bitsOut: bitsPerSecond(counted.bytesOut - before.bytesOut),
      urgent50: percentile(urgent, 0.5),
      urgent99: percentile(urgent, 0.99),
      bulk50: percentile(bulk, 0.5),
      queue,
      lanes: { urgent: laneRow(counted.lanes, URGENT_PRIORITY), bulk: laneRow(counted.lanes, BULK_PRIORITY) },
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      memory: process.memoryUsage.rss(),
    }
  }

  #count(): Counted {
    const { bytesReceived, bytesSent, lanes } = this.#device.stats()
    return { at: now(), bytesIn: bytesReceived, bytesOut: bytesSent, lanes }
  }
}

function spoken({ connections }: Device): Record<string, number> {
  const count: Record<string, number> = {}
  for (const { protocol } of connections) count[protocol] = (count[protocol] ?? 0) + 1
  return count
}

interface Counted {
  readonly at: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly lanes: readonly LaneStats[]
}

function laneRow(lanes: readonly LaneStats[], priority: number): LaneRow {
  const waited = lanes.find((lane) => lane.priority === priority)?.waited
  return { waited50: waited?.p50, waited99: waited?.p99 }
}
