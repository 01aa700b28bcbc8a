import { Buffer } from 'node:buffer'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, listOf, optional, parseOptions, text } from '../arguments/options.js'
import type { Lists } from './choice.js'

/**
 * Protocols of a device, or towards one peer: a list, best first, is offered, accepted and preferred in its order. An object says
 * each by itself.
 */
export type ProtocolsOption = readonly string[] | ProtocolLists

/** Offer, acceptance and preference, each by itself. Names that both lists have stand in the same order, unless `prefer` says another. */
export interface ProtocolLists {
  /** Protocols to dial with, best first. Default: those of `accept`. `[]`: this end dials with none. */
  readonly offer?: readonly string[] | undefined
  /** Protocols to take when dialled, best first. Default: those of `offer`. `[]`: this end takes none. */
  readonly accept?: readonly string[] | undefined
  /** Names of these that go before all others in both lists, best first. Default: none; the order of the lists counts. */
  readonly prefer?: string | readonly string[] | undefined
}

/** Protocols of a device that names none. */
export const DEFAULT_PROTOCOLS: Lists = { offer: ['warren/1'], accept: ['warren/1'] }

/** Check of protocols: names of 1 to 255 bytes, each once in a list, in one order of preference. */
export const protocolLists: Check<Lists> = (value, name) => {
  if (Array.isArray(value)) {
    const names = protocols(value, name)
    return { offer: names, accept: names }
  }
  if (typeof value !== 'object' || value === null)
    throw wrongType(name, 'an array, or an object with offer, accept, prefer', value)
  const { offer, accept, prefer } = parseOptions(name, value, CHECKS)
  if (offer === undefined && accept === undefined)
    throw outOfRange(name, 'a list, or an object with offer, accept or both', value)
  const lists = { offer: offer ?? accept ?? [], accept: accept ?? offer ?? [] }
  const unknown = prefer.find((protocol) => !lists.offer.includes(protocol) && !lists.accept.includes(protocol))
  if (unknown !== undefined) throw outOfRange(`${name}.prefer`, 'names that are offered or accepted', unknown)
  return inOneOrder(preferred(lists, prefer), name)
}

/** Check of a list of protocols, best first: names of 1 to 255 bytes, each once. */
export const protocols: Check<readonly string[]> = (value, name) => {
  const names = listOf(protocolName, MOST_PROTOCOLS)(value, name)
  const twice = names.find((protocol, index) => names.indexOf(protocol) !== index)
  if (twice !== undefined) throw outOfRange(name, 'a list that names each protocol once', twice)
  const bytes = Buffer.byteLength(names.join(''))
  if (bytes > MOST_BYTES) throw outOfRange(name, `at most ${MOST_BYTES} bytes of UTF-8 in all`, bytes)
  return names
}

/** Check of the name of one protocol. */
export const protocolName: Check<string> = (value, name) => {
  const protocol = text(value, name)
  const bytes = Buffer.byteLength(protocol)
  if (/\p{Surrogate}/u.test(protocol))
    throw outOfRange(name, 'text without lone surrogates, which UTF-8 has not', protocol)
  if (bytes < 1 || bytes > 255) throw outOfRange(name, 'a name of 1 to 255 bytes of UTF-8', protocol)
  return protocol
}

function preferred({ offer, accept }: Lists, prefer: readonly string[]): Lists {
  const sorted = (names: readonly string[]): readonly string[] => [
    ...prefer.filter((name) => names.includes(name)),
    ...names.filter((name) => !prefer.includes(name)),
  ]
  return { offer: sorted(offer), accept: sorted(accept) }
}

function inOneOrder(lists: Lists, name: string): Lists {
  const { offer, accept } = lists
  const both = offer.filter((protocol) => accept.includes(protocol))
  const other = accept.filter((protocol) => offer.includes(protocol))
  const differs = both.find((protocol, index) => protocol !== other[index])
  if (differs !== undefined)
    throw outOfRange(name, 'lists that have the same names in the same order (prefer says which is better)', differs)
  return lists
}

const preference: Check<readonly string[]> = (value, name) =>
  typeof value === 'string' ? [protocolName(value, name)] : protocols(value, name)

const MOST_PROTOCOLS = 32

/** Two such lists fit into a hello (`native/quic`, at most 3.5 KB for both). */
const MOST_BYTES = 1_536

const CHECKS = {
  offer: optional(protocols, undefined),
  accept: optional(protocols, undefined),
  prefer: optional(preference, []),
}

/** Checks that a dial asks for something: for `named`, or for whatever the lists have. */
export function checkAsked(name: string, named: readonly string[] | undefined, { offer, accept }: Lists): void {
  if ((named ?? [...offer, ...accept]).length > 0) return
  throw outOfRange(name, `a list of one or more${named === undefined ? ": the device's is empty" : ''}`, named)
}
