import type { Peer } from '../peer/peer.js'
import type { PeerReceiver } from '../peer/peer-host.js'
import type { Runtime } from '../runtime.js'
import { type ClosingVerdict, canClose } from '../versions/can-close.js'
import type { Lists } from '../versions/choice.js'
import type { Floor } from '../versions/floors.js'
import { protocolName } from '../versions/protocols.js'
import type { Settings } from '../versions/settings.js'
import { type CanCloseOptions, parseCanClose } from './can-close-options.js'

/** Protocols of a device, as they were set. */
export interface DeviceProtocols {
  /** Protocols that it dials with, best first; those below a floor are left out of each dial. */
  readonly offer: readonly string[]
  /** Protocols that it takes when it is dialled, best first; those below a floor are refused. */
  readonly accept: readonly string[]
  /** Floors of the device, those to come included. */
  readonly floors: readonly ShownFloor[]
  /** Transports, best first. */
  readonly transports: readonly string[]
}

/** A floor of a device: the oldest version of a family that is spoken. */
export interface ShownFloor {
  /** The version. */
  readonly protocol: string
  /** Time from which the floor holds; `undefined`: it was set to hold at once. */
  readonly from: Date | undefined
  /** Milliseconds that live connections below it have to move. */
  readonly grace: number
}

/** Protocols of a device, for its user. */
export function protocolsOf({ lists, floors, transports }: Settings): DeviceProtocols {
  return { ...lists, floors: floors.all.map(shownFloor), transports }
}

/** Whether a protocol can be closed, by what is known of the peers that count. */
export function closingVerdict(
  runtime: Runtime,
  openSince: number,
  peers: Iterable<PeerReceiver<Peer>>,
  protocol: string,
  options: CanCloseOptions<Peer>,
): ClosingVerdict<Peer> {
  const { quietFor, ignores } = parseCanClose(options)
  const name = protocolName(protocol, 'protocol')
  if (runtime.isClosing) throw runtime.closedError()
  const { clock, settings, spoken } = runtime
  const facts = Array.from(peers, (receiver) => receiver.closingFacts(name))
  const counted = facts.filter(({ peer }) => !ignores(peer, peer.publicKey))
  const isKnown = settings.hasListed(name) || spoken.has(name) || facts.some(({ theirs }) => isListed(name, theirs))
  return canClose(name, quietFor, clock.now() - openSince, !isKnown, settings.families, counted)
}

function isListed(name: string, lists: Lists | undefined): boolean {
  return lists !== undefined && (lists.offer.includes(name) || lists.accept.includes(name))
}

function shownFloor({ protocol, from, grace }: Floor): ShownFloor {
  return { protocol, from: from === Number.NEGATIVE_INFINITY ? undefined : new Date(from), grace }
}
