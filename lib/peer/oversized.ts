import type { PublicKey } from '../keys.js'

/** Warns that a peer's packets do not arrive, since its MTU is larger than this device's: once a peer. */
export function warnOversized(publicKey: PublicKey, length: number, mtu: number): void {
  if (WARNED.has(publicKey) || WARNED.size >= MOST) return
  WARNED.add(publicKey)
  const message = `The peer ${publicKey} sends packets of ${length} bytes, which are dropped: the mtu of this device is ${mtu}. Give both ends the same`
  process.emitWarning(message, { type: 'WarrenWarning', code: 'WARREN_PACKETS_TOO_LARGE' })
}

const WARNED = new Set<PublicKey>()

/** Peers come and go; those beyond are told of by the 'peer' event alone. */
const MOST = 256
