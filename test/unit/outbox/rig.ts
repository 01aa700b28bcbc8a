import { Deadlines } from '../../../lib/outbox/deadlines.js'
import { type LaneTable, type ParsedLanes, lanes as parseLanes, policyOf } from '../../../lib/outbox/lanes.js'
import { Outbox } from '../../../lib/outbox/outbox.js'
import { type Outgoing, parseSend, type SendOptions } from '../../../lib/outbox/send-options.js'
import { Attention } from '../../../lib/waiting/attention.js'
import { VirtualClock } from '../virtual-clock.js'

/** An outbox over a link that keeps what it is told. */
export interface Rig {
  readonly outbox: Outbox
  readonly clock: VirtualClock
  readonly lanes: ParsedLanes
  /** What was given to the engine: message, priority, length. */
  readonly given: [message: number, priority: number, bytes: number][]
  readonly lifetimes: (number | undefined)[]
  readonly cancelled: number[]
  readonly reasons: string[]
  /** What was told of ends: priority, length, outcome, and why it was dropped. */
  readonly settled: [priority: number, bytes: number, outcome: string, reason: string | undefined][]
  /** What was told of callers that wait. */
  readonly heeded: boolean[]
  reserved: number
  limit: number
  /** Past the limit, a message may wait for its lane. */
  waitsPastLimit: boolean
  /** Listeners for room. */
  readonly asking: Set<(isDue: boolean) => void>
}

export function rig(table: LaneTable = {}): Rig {
  const rig: Omit<Rig, 'outbox'> = {
    clock: new VirtualClock(),
    lanes: parseLanes(table, 'lanes'),
    given: [],
    lifetimes: [],
    cancelled: [],
    reasons: [],
    reserved: 0,
    settled: [],
    heeded: [],
    limit: Infinity,
    waitsPastLimit: false,
    asking: new Set(),
  }
  let message = 0
  const outbox = new Outbox({
    nextMessage: () => ++message,
    deadlines: new Deadlines(rig.clock),
    attention: new Attention((heeding) => rig.heeded.push(heeding)),
    policy: (priority) => policyOf(rig.lanes, priority),
    transmit: (id, priority, lifetime, { byteLength }) => {
      rig.given.push([id, priority, byteLength])
      rig.lifetimes.push(lifetime)
    },
    cancel: (id, reason) => {
      rig.cancelled.push(id)
      rig.reasons.push(reason)
    },
    room: (_, bytes) => (rig.reserved + bytes <= rig.limit ? 'now' : rig.waitsPastLimit ? 'behind' : 'none'),
    reserve(_, bytes) {
      rig.reserved += bytes
    },
    onRoom(callback) {
      rig.asking.add(callback)
      return () => rig.asking.delete(callback)
    },
    release(_, bytes) {
      rig.reserved -= bytes
    },
    settled: ({ lane, length }, outcome, reason) => rig.settled.push([lane.priority, length, outcome, reason]),
    fullError: () => new Error('full'),
    closedError: () => new Error('closed'),
  })
  return Object.assign(rig, { outbox })
}

export function send(outbox: Outbox, payload: Uint8Array, options: SendOptions = {}): Promise<Outgoing> {
  return outbox.send(payload, parseSend(options))
}

export const bytes = (length: number): Uint8Array => new Uint8Array(length)
