import type { Device, Peer } from 'warren'
import type { Figure } from './figures.js'

export interface Options {
  /** How long each measurement lasts. */
  readonly seconds: number
  /** Of the sender, in bits per second. */
  readonly uplink: number | undefined
  readonly driver: 'native' | 'script'
}

/** A question, and the two ends of the connection that answers it, each in a process of its own. */
export interface Program {
  readonly name: 'stream' | 'urgent' | 'dial' | 'neighbours' | 'flood'
  readonly question: string
  /** The far end, which accepts. Returns what it has to say when the near end asks. */
  serve(device: Device): () => unknown
  /** The near end, which dials. */
  measure(near: Near): Promise<readonly Figure[]>
}

export interface Near {
  readonly options: Options
  readonly device: Device
  /** The far end. */
  readonly peer: Peer
  /** What the far end has to say now. */
  ask(): Promise<unknown>
}
