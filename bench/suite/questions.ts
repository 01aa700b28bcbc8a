import type { Kind, StackOptions } from './stacks/stack.js'

/** The questions that a process of the suite answers, with what each takes and gives. */
export interface Questions {
  /** Opens ends; gives the address of each. */
  open: { takes: OpenOptions; gives: readonly unknown[] }
  /** Opens channels to each of the addresses. */
  dial: { takes: { readonly addresses: readonly unknown[]; readonly channels: number }; gives: undefined }
  /** Begins to write on all channels. */
  flow: { takes: FlowOptions; gives: undefined }
  /** Ends that. */
  stop: { takes: undefined; gives: undefined }
  count: { takes: undefined; gives: Count }
  /** Objects there and back on the first channel, one after the other. */
  ping: { takes: { readonly ms: number; readonly bytes: number }; gives: Times }
  /** From the dial to the first byte that came back, each by an identity of its own, one after the other. */
  dials: { takes: { readonly ms: number; readonly address: unknown }; gives: Times }
  /** The same, several at once, each followed by a close. */
  joins: { takes: { readonly ms: number; readonly address: unknown }; gives: { readonly perSecond: number } }
  /** Connections of as many identities, which stay. */
  hold: { takes: { readonly connections: number; readonly address: unknown }; gives: undefined }
  /** Adds peers that never come; gives the milliseconds that it took. */
  idle: { takes: { readonly peers: number }; gives: number }
  /** Resident bytes after a garbage collection. */
  resident: { takes: undefined; gives: number }
}

export type Question = keyof Questions

export interface OpenOptions {
  readonly stack: string
  readonly kind: Kind
  readonly host: string
  /** What becomes of what arrives: it is counted, or goes back. */
  readonly role: 'count' | 'echo'
  readonly ends: number
  readonly options: StackOptions
}

export interface FlowOptions {
  readonly bytes: number
  /** In bits per second; undefined: as fast as it goes. */
  readonly rate?: number | undefined
  /** Each object to all channels. */
  readonly isBroadcast?: boolean | undefined
}

/** Sums of a process since its start. */
export interface Count {
  /** Of CLOCK_MONOTONIC, in milliseconds. */
  readonly at: number
  readonly bytes: number
  readonly objects: number
  /** Of all its threads. */
  readonly cpuSeconds: number
}

/** In milliseconds. */
export interface Times {
  readonly p50: number
  readonly p99: number
  readonly count: number
}
