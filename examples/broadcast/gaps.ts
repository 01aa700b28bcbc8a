import type { Device } from 'warren'
import { now } from './clock.js'
import type { Gap } from './report.js'

/** Times in which a device had no connection with a peer, from one connection to the next. */
export class Gaps {
  /** Since when peers have had none. */
  readonly #apart = new Map<string, number>()
  #over: Gap[] = []

  constructor(device: Device) {
    device.on('connection', ({ peer: { publicKey } }) => {
      const from = this.#apart.get(publicKey)
      if (from === undefined) return
      this.#apart.delete(publicKey)
      this.#over.push({ publicKey, from, to: now() })
    })
    device.on('connectionClose', ({ peer }) => {
      const isApart = ![...peer.connections].some(({ isOpen }) => isOpen)
      if (isApart && !this.#apart.has(peer.publicKey)) this.#apart.set(peer.publicKey, now())
    })
  }

  /** Those that ended since the last call. */
  take(): readonly Gap[] {
    const over = this.#over
    this.#over = []
    return over
  }
}
