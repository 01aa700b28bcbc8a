import type { ProtocolsOption } from 'warren'
import type { Kind, ObjectId } from './objects.js'

/**
 * What parent and nodes say over the channel of `child_process.fork`: start, stop and statistics.
 *
 * No object, key or endpoint passes here. The nodes find and authorise each other by the registry alone.
 */
export type ToNode =
  | { readonly type: 'start'; readonly at: number }
  /** Offer, accept and prefer these from now on. */
  | { readonly type: 'speak'; readonly protocols: ProtocolsOption }
  /** Publish nothing more; go on receiving and passing on. */
  | { readonly type: 'finish' }
  | { readonly type: 'stop' }

export type FromNode =
  /** Linked to the overlay since `at`. */
  | { readonly type: 'linked'; readonly at: number; readonly publicKey: string }
  | { readonly type: 'published'; readonly object: Published }
  | {
      readonly type: 'statistics'
      readonly received: readonly Receipt[]
      readonly offered: readonly ObjectId[]
      /** Objects that came again from the neighbour that had given them. */
      readonly doubled: readonly ObjectId[]
      /** Times in which this node had no connection with a neighbour that it was connected with. */
      readonly gaps: readonly Gap[]
      readonly row: Row
    }

/** A time without a connection, on the clock of `clock.ts`. */
export interface Gap {
  readonly publicKey: string
  readonly from: number
  readonly to: number
}

export interface Published {
  readonly id: ObjectId
  readonly kind: Kind
  readonly bytes: number
  readonly due: number
}

export interface Receipt {
  readonly id: ObjectId
  /** Milliseconds from the instant the object was due to the instant this node had it whole. */
  readonly latency: number
}

/** Milliseconds that objects waited in a lane before they began to leave. */
export interface LaneRow {
  readonly waited50: number | undefined
  readonly waited99: number | undefined
}

/** A node's line in the table: the last second or so. */
export interface Row {
  readonly peers: number
  readonly offers: readonly string[]
  readonly accepts: readonly string[]
  /** Number of live connections by protocol. */
  readonly speaks: Readonly<Record<string, number>>
  readonly handshake: number | undefined
  readonly bitsIn: number
  readonly bitsOut: number
  readonly urgent50: number | undefined
  readonly urgent99: number | undefined
  readonly bulk50: number | undefined
  readonly queue: number
  /** How long objects have stood in the lanes of this node since it began. */
  readonly lanes: { readonly urgent: LaneRow; readonly bulk: LaneRow }
  readonly cpuSeconds: number
  readonly memory: number
}
