import { outOfRange, wrongType } from '../arguments/argument-error.js'
import type { ParsedEndpoint } from '../arguments/endpoint.js'
import { type EndpointLike, parseEndpointLike } from '../arguments/endpoint-like.js'
import { type Check, flag, integer, listOf, optional, parseOptions } from '../arguments/options.js'
import { prefix } from '../arguments/prefix.js'
import { protocols } from '../arguments/protocols.js'
import type { KeepOrder } from '../dial/keep-connected.js'
import { type PublicKey, parseKey, publicKeyOf } from '../keys.js'
import { priority } from '../outbox/message.js'

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
  /** Stay connected, in these protocols (default: the device's): dial, and dial again after any loss. Default false. */
  readonly connect?: boolean | { readonly protocols?: readonly string[] | undefined } | undefined
}

/** What of a peer changes. What is left out stays; `null` takes a secret or a keepalive away. */
export interface PeerChanges {
  readonly endpoint?: EndpointLike | readonly EndpointLike[] | undefined
  readonly presharedKey?: string | Uint8Array | null | undefined
  readonly allowedIPs?: readonly string[] | undefined
  readonly persistentKeepalive?: number | null | undefined
  /** Holds for what comes from now on. */
  readonly maxPriority?: number | undefined
  /** Stay connected from now on; `false`: dial no more unless told to, and leave what is up as it is. */
  readonly connect?: PeerOptions['connect']
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

/** What `authorize` may say of a stranger besides yes and no. */
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

const MOST_ENDPOINTS = 64
