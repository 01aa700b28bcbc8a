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
  report: Span
}

export interface Answers {
  open: unknown
  dial: undefined
  urgent: undefined
  bulk: undefined
  usage: ProcessUsage
  report: Report
}

export type Verb = keyof Verbs

/** What a node sent and received in a span. */
export interface Report {
  readonly dues: number
  readonly latencies: readonly number[]
  readonly goodput: number
}
