import type { ParsedEndpoint } from './endpoint.js'
import { type EndpointLike, parseEndpointLike } from './endpoint-like.js'
import { type PublicKey, parseKey, parsePublicKey } from './keys.js'
import { priority } from './message.js'
import { type Check, flag, integer, listOf, optional, parseOptions } from './options.js'
import { prefix } from './prefix.js'

/** What a peer is added with. */
export interface PeerOptions {
  readonly publicKey: PublicKey | Uint8Array
  /** Where it is, or the places where it may be, tried in turn. Absent: it will dial. */
  readonly endpoint?: EndpointLike | readonly EndpointLike[] | undefined
  /** A second, symmetric secret of both ends: base64 or 32 bytes. */
  readonly presharedKey?: string | Uint8Array | undefined
  /** Raw packets from and for these go to this peer, besides the address derived from its key. */
  readonly allowedIPs?: readonly string[] | undefined
  /** Send something this often, in seconds as in wg(8), to keep a NAT open. 0 or absent: never. */
  readonly persistentKeepalive?: number | undefined
  /** What comes from it with a higher priority counts as of this one. Default 255. */
  readonly maxPriority?: number | undefined
}

/** What of a peer changes. What is left out stays; `null` takes a secret or a keepalive away. */
export interface PeerChanges {
  readonly endpoint?: EndpointLike | readonly EndpointLike[] | undefined
  readonly presharedKey?: string | Uint8Array | null | undefined
  readonly allowedIPs?: readonly string[] | undefined
  readonly persistentKeepalive?: number | null | undefined
  /** Holds for what comes from now on. */
  readonly maxPriority?: number | undefined
  /** Take the prefixes from the peers that have them now. */
  readonly replace?: boolean | undefined
}

export interface ParsedPeerOptions {
  readonly publicKey: PublicKey
  readonly endpoint: readonly ParsedEndpoint[]
  readonly presharedKey: Uint8Array | undefined
  readonly allowedIPs: readonly string[]
  readonly persistentKeepalive: number | undefined
  readonly maxPriority: number
}

export interface ParsedPeerChanges {
  readonly endpoint: readonly ParsedEndpoint[] | undefined
  readonly presharedKey: Uint8Array | null | undefined
  readonly allowedIPs: readonly string[] | undefined
  readonly persistentKeepalive: number | null | undefined
  readonly maxPriority: number | undefined
  readonly replace: boolean
}

/** What `authorize` may say of a stranger besides yes and no. */
export type AuthorizedPeerOptions = Omit<PeerOptions, 'publicKey' | 'endpoint'>

/** Checks the options of `addPeer`. */
export function parsePeerOptions(options: PeerOptions): ParsedPeerOptions {
  return parseOptions('options', options, { publicKey, endpoint: optional(endpoints, []), ...AUTHORIZED_CHECKS })
}

/** Checks what `authorize` answered. */
export function parseAuthorizedPeer(options: AuthorizedPeerOptions): Omit<ParsedPeerOptions, 'publicKey' | 'endpoint'> {
  return parseOptions('authorization', options, AUTHORIZED_CHECKS)
}

/** Checks the options of `update`. */
export function parsePeerChanges(changes: PeerChanges): ParsedPeerChanges {
  return parseOptions('changes', changes, CHANGE_CHECKS)
}

const publicKey: Check<PublicKey> = (value) => parsePublicKey(value as string)

const presharedKey: Check<Uint8Array> = (value) => parseKey('The pre-shared key', value)

const endpoints: Check<readonly ParsedEndpoint[]> = (value, name) => {
  if (!Array.isArray(value)) return [parseEndpointLike(value, name)]
  return listOf(parseEndpointLike, MOST_ENDPOINTS)(value, name)
}

const keepalive: Check<number | undefined> = (value, name) => integer(0, 65_535, 'seconds')(value, name) || undefined

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

const CHANGE_CHECKS = {
  endpoint: optional(endpoints, undefined),
  presharedKey: optional(orNull(presharedKey), undefined),
  allowedIPs: optional(allowedIPs, undefined),
  persistentKeepalive: optional(
    orNull((value, name) => keepalive(value, name) ?? null),
    undefined,
  ),
  maxPriority: optional(priority, undefined),
  replace: optional(flag, false),
}

const MOST_ENDPOINTS = 64
