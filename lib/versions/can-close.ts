import { choose, type Lists } from './choice.js'
import type { Families } from './families.js'

/**
 * Reason why a peer stands in the way. 'connected': a connection in the protocol is up. 'unknown': this process never learnt the peer's
 * protocols. 'offline': it is not connected, and nobody knows what it speaks by now. 'needs-it': it has no other version in common with
 * this device. 'spoken': its last connection in the protocol ended, or its last dial in it was refused, less than `quietFor` ago.
 */
export type ClosingObstacle = 'unknown' | 'offline' | 'needs-it' | 'connected' | 'spoken'

/** Answer to whether a protocol can be closed. */
export interface ClosingVerdict<K> {
  /** True where nothing stands in the way. */
  readonly ok: boolean
  /** The device is open for less than `quietFor`: it cannot know. */
  readonly isTooEarly: boolean
  /** No list of this device, or of a peer, has the protocol, and nobody has spoken it: the name may be a slip of the pen. */
  readonly isUnknown: boolean
  /** Peers that stand in the way, each with the reason that weighs most. */
  readonly inTheWay: readonly { readonly peer: K; readonly why: ClosingObstacle }[]
}

/** Facts of one peer, named by `K`. */
export interface ClosingFacts<K> {
  /** The peer. */
  readonly peer: K
  /** Lists of this end. */
  readonly mine: Lists
  /** Lists of the peer; `undefined`: they were never learnt. */
  readonly theirs: Lists | undefined
  /** True while it has a connection, in any protocol. */
  readonly isConnected: boolean
  /** True while it has a connection in the protocol. */
  readonly speaks: boolean
  /** Milliseconds since it last spoke the protocol; `undefined`: it never did. */
  readonly quietFor: number | undefined
}

/** Whether a protocol can be closed: each peer has another version in common with this device, and none has spoken this one lately. */
export function canClose<K>(
  protocol: string,
  quietFor: number,
  openFor: number,
  isUnknown: boolean,
  families: Families,
  peers: Iterable<ClosingFacts<K>>,
): ClosingVerdict<K> {
  const inTheWay = Array.from(peers).flatMap((facts) => {
    const why = obstacleOf(protocol, quietFor, families, facts)
    return why === undefined ? [] : [{ peer: facts.peer, why }]
  })
  const isTooEarly = openFor < quietFor
  return { ok: !isTooEarly && !isUnknown && inTheWay.length === 0, isTooEarly, isUnknown, inTheWay }
}

function obstacleOf(
  protocol: string,
  quietFor: number,
  families: Families,
  { mine, theirs, isConnected, speaks, quietFor: quiet }: ClosingFacts<unknown>,
): ClosingObstacle | undefined {
  if (speaks) return 'connected'
  if (theirs === undefined) return 'unknown'
  if (!isConnected) return 'offline'
  const isOfFamily = (name: string): boolean => families.areOne(name, protocol)
  const hasFamily = [...theirs.offer, ...theirs.accept].some(isOfFamily)
  const remains = choose(mine, theirs, (name) => name !== protocol && isOfFamily(name))
  if (hasFamily && remains === undefined) return 'needs-it'
  return quiet !== undefined && quiet < quietFor ? 'spoken' : undefined
}
