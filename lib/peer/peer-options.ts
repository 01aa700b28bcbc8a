import { coded, outOfRange, wrongType } from '../arguments/argument-error.js'
import type { ParsedEndpoint } from '../arguments/endpoint.js'
import { type EndpointLike, parseEndpointLike } from '../arguments/endpoint-like.js'
import { type Check, flag, integer, listOf, optional, parseOptions } from '../arguments/options.js'
import { prefix } from '../arguments/prefix.js'
import { priority } from '../arguments/priority.js'
import type { KeepOrder } from '../dial/keep-connected.js'
import { type PublicKey, parseKey, publicKeyOf } from '../keys.js'
import { protocols } from '../versions/protocols.js'

/** Options of `addPeer`. */
export interface PeerOptions {
  /** The key of the peer: base64 as `wg pubkey` prints it, or 32 bytes. */
  readonly publicKey: PublicKey | Uint8Array
  /** Address of the peer, or a list of addresses that are tried in turn. Absent: the peer will dial. */
  readonly endpoint?: EndpointLike | readonly EndpointLike[] | undefined
  /** A second, symmetric secret of both ends: base64 or 32 bytes. Default: none. */
  readonly presharedKey?: string | Uint8Array | undefined
  /** Addresses and prefixes of raw packets from and to this peer. Default: the address derived from its key, which is always its own. */
  readonly allowedIPs?: readonly string[] | undefined
  /** Seconds, as in wg(8), between packets that keep a NAT open. 0 or absent: none are sent. */
  readonly persistentKeepalive?: number | undefined
  /** The highest priority, 0 to 255, that a message from this peer counts as. Default 255. */
  readonly maxPriority?: number | undefined
  /** Stays connected, in these protocols (default: the device's): dials, and dials again after any loss. Default false. */
  readonly connect?: boolean | { readonly protocols?: readonly string[] | undefined } | undefined
}

/** Options of `peer.update`: changes to a peer. An option that is left out stays as it is. */
export interface PeerChanges {
  /** Another address or list of them; a hint for a tunnel that is up, which stays where it is answered. Absent: no change. */
  readonly endpoint?: EndpointLike | readonly EndpointLike[] | undefined
  /** Another pre-shared key: base64 or 32 bytes; `null` takes it away. Absent: no change. */
  readonly presharedKey?: string | Uint8Array | null | undefined
  /** Addresses and prefixes in the place of those before. Absent: no change. */
  readonly allowedIPs?: readonly string[] | undefined
  /** Seconds between keepalives; `null` or 0: none. Absent: no change. */
  readonly persistentKeepalive?: number | null | undefined
  /** The highest priority that messages count as from now on, 0 to 255. Absent: no change. */
  readonly maxPriority?: number | undefined
  /** Stays connected from now on; `false`: dials no more unless told to, and leaves what is up as it is. Absent: no change. */
  readonly connect?: PeerOptions['connect']
  /** Takes the prefixes of `allowedIPs` from the peers that have them now. Default false: such a prefix is an error. */
  readonly replace?: boolean | undefined
}

export interface ParsedPeerOptions {
  readonly publicKey: PublicKey
  readonly endpoint: readonly ParsedEndpoint[]
  readonly presharedKey: Uint8Array | undefined
  readonly allowedIPs: readonly string[]
  readonly persistentKeepalive: number | undefined
  readonly maxPriority: number
  readonly connect: KeepOrder | undefined
}

export interface ParsedPeerChanges {
  readonly endpoint: readonly ParsedEndpoint[] | undefined
  readonly presharedKey: Uint8Array | null | undefined
  readonly allowedIPs: readonly string[] | undefined
  readonly persistentKeepalive: number | null | undefined
  readonly maxPriority: number | undefined
  /** `null`: no order any more. */
  readonly connect: KeepOrder | null | undefined
  readonly replace: boolean
}

/** Settings of a stranger that `authorize` lets in. */
export type AuthorizedPeerOptions = Omit<PeerOptions, 'publicKey' | 'endpoint' | 'connect'>

/** Settings of a peer that `authorize` let in. */
export type AuthorizedPeer = Omit<ParsedPeerOptions, 'publicKey' | 'endpoint' | 'connect'>

/** Checks the options of `addPeer`. */
export function parsePeerOptions(options: PeerOptions): ParsedPeerOptions {
  return parseOptions('options', options, PEER_CHECKS)
}

/** Checks what `authorize` answered. */
export function parseAuthorizedPeer(options: AuthorizedPeerOptions): AuthorizedPeer {
  return parseOptions('authorization', options, AUTHORIZED_CHECKS)
}

/** Checks the options of `update`. */
export function parsePeerChanges(changes: PeerChanges): ParsedPeerChanges {
  return parseOptions('changes', changes, CHANGE_CHECKS)
}

/** The error of an application that names the device's private key as a peer's public one. */
export function ownSecret(): RangeError {
  const message = 'options.publicKey must be the public key of the peer; got the private key of this device'
  return coded(new RangeError(message), 'ERR_WARREN_INVALID_KEY')
}

const publicKey: Check<PublicKey> = (value, name) => publicKeyOf(name, value)

const presharedKey: Check<Uint8Array> = (value, name) => parseKey(name, value)

const endpoints: Check<readonly ParsedEndpoint[]> = (value, name) => {
  if (!Array.isArray(value)) return [parseEndpointLike(value, name)]
  return listOf(parseEndpointLike, MOST_ENDPOINTS)(value, name)
}

const keepalive: Check<number | undefined> = (value, name) => integer(0, 65_535, 'seconds')(value, name) || undefined

const keepOrder: Check<KeepOrder | undefined> = (value, name) => {
  if (value === false) return undefined
  if (value === true) return { protocols: undefined }
  if (typeof value !== 'object') throw wrongType(name, 'true, false, or an object with protocols', value)
  const { protocols: offered } = parseOptions(name, value, { protocols: optional(protocols, undefined) })
  if (offered?.length === 0) throw outOfRange(`${name}.protocols`, 'a list of one or more', offered)
  return { protocols: offered }
}

const allowedIPs = listOf(prefix, 65_536)

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, name) => (value === null ? null : check(value, name))
}

const AUTHORIZED_CHECKS = {
  presharedKey: optional(presharedKey, undefined),
  allowedIPs: optional(allowedIPs, []),
  persistentKeepalive: optional(keepalive, undefined),
  maxPriority: optional(priority, 255),
}

const PEER_CHECKS = {
  publicKey,
  endpoint: optional(endpoints, []),
  ...AUTHORIZED_CHECKS,
  connect: optional(keepOrder, undefined),
}

const CHANGE_CHECKS = {
  endpoint: optional(endpoints, undefined),
  presharedKey: optional(orNull(presharedKey), undefined),
  allowedIPs: optional(allowedIPs, undefined),
  persistentKeepalive: optional(
    orNull((value, name) => keepalive(value, name) ?? null),
    undefined,
  ),
  maxPriority: optional(priority, undefined),
  connect: optional((value, name) => keepOrder(value, name) ?? null, undefined),
  replace: optional(flag, false),
}

/** As many addresses as are tried of a peer, those of its names included (`endpoint-rotation.ts`). */
const MOST_ENDPOINTS = 32
