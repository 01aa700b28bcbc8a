import type { Endpoint } from '../arguments/endpoint.js'

/** A peer, as far as it matters whether it stays one. */
export interface Guest {
  endpoint(): Endpoint | undefined
  /** It is connected, or this end wants it to be. */
  isInUse(): boolean
  /** Milliseconds since something authentic came from it; `undefined`: nothing ever did. */
  silentFor(): number | undefined
  /** Removes it at once; it has no connection. */
  drop(reason: string): void
}
