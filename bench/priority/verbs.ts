import type { TransportName } from './transports/table.js'
import type { TransportOptions } from './transports/transport.js'
import type { ProcessUsage } from './usage.js'

/** A span of `now()`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** What the benchmark asks of a node, and with what. */
export interface Verbs {
  open: { readonly transport: TransportName; readonly host: string; readonly options: TransportOptions }
  /** Dials the nodes at these addresses, by number. */
  dial: readonly { readonly node: number; readonly address: unknown }[]
  urgent: { readonly to: readonly number[] }
  bulk: { readonly to: readonly number[] }
  usage: undefined
  report: Span & { readonly bulkBegan: number }
  /** Opens streams under load, one after the other: answers how many. */
  fresh: { readonly to: number; readonly count: number }
  freshArrived: undefined
  stopUrgent: undefined
  /** Sends one object, and does not wait for it. */
  object: { readonly to: number; readonly length: number }
  /** Gives that object up. */
  cancel: undefined
}

export interface Answers {
  open: unknown
  dial: undefined
  urgent: undefined
  bulk: undefined
  usage: ProcessUsage
  report: Report
  fresh: number
  freshArrived: readonly number[]
  stopUrgent: undefined
  object: undefined
  cancel: AfterCancel
}

export type Verb = keyof Verbs

/** What a node sent and received in a span. */
export interface Report {
  readonly dues: number
  readonly urgent: readonly UrgentObject[]
  readonly bulkBytes: number
  /** How many peers' bulk is known to the end of the span. */
  readonly sources: number
}

/** One that arrived: the instant at which it was due, and how much later it came, in milliseconds. */
export interface UrgentObject {
  readonly due: number
  readonly latency: number
}

/** What still left a node after it gave an object up. */
export interface AfterCancel {
  /** Of all frames. */
  readonly bytes: number
  /** Milliseconds until no more than control traffic left. */
  readonly stopped: number
}
