import { wrongType } from '../arguments/argument-error.js'
import { type Check, integer, optional, parseOptions } from '../arguments/options.js'
import { parsePublicKey } from '../keys.js'

/** Options of `canClose`, whose peers are of type `P`. */
export interface CanCloseOptions<P> {
  /** Milliseconds for which nobody may have spoken the protocol. Default 0: whoever speaks it now counts alone. */
  readonly quietFor?: number | undefined
  /** Peers that do not count, or their public keys; or a function that says so of a peer. Default: none. */
  readonly ignore?: Iterable<P | string> | ((peer: P) => boolean) | undefined
}

export interface ParsedCanClose<P> {
  readonly quietFor: number
  ignores(peer: P, publicKey: string): boolean
}

/** Checks the options of `canClose`. */
export function parseCanClose<P>(options: CanCloseOptions<P>): ParsedCanClose<P> {
  const { quietFor, ignore } = parseOptions('options', options, {
    quietFor: optional(integer(0, Number.MAX_SAFE_INTEGER, 'milliseconds'), 0),
    ignore: optional(ignored as Check<(peer: P, publicKey: string) => boolean>, () => false),
  })
  return { quietFor, ignores: ignore }
}

const ignored: Check<(peer: unknown, publicKey: string) => boolean> = (value, name) => {
  if (typeof value === 'function') return (peer) => Boolean(value(peer))
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value))
    throw wrongType(name, 'an iterable of peers or public keys, or a function', value)
  const all = new Set(Array.from(value as Iterable<unknown>, (entry) => ignoredEntry(entry, name)))
  return (peer, publicKey) => all.has(peer) || all.has(publicKey)
}

/** A peer, or its key as text. */
function ignoredEntry(entry: unknown, name: string): unknown {
  if (typeof entry === 'string') return parsePublicKey(entry)
  if (typeof entry === 'object' && entry !== null && 'publicKey' in entry) return entry
  throw wrongType(name, 'an iterable of peers or public keys', entry)
}
