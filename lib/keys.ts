import { Buffer } from 'node:buffer'
import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { inspect, types } from 'node:util'
import { coded, describe, notConstructed } from './arguments/argument-error.js'
import { keepFacts } from './read-only.js'

/** The name of a node: its X25519 public key in canonical base64, as `wg pubkey` prints it. */
export type PublicKey = string

const BRAND = Symbol.for('warren.PrivateKey')

/** Gives what `PrivateKey.from` does, for an option of this name. */
export let privateKeyOf: (name: string, key: unknown) => PrivateKey

/**
 * A WireGuard private key. Printed, logged or made JSON, it shows only its public key.
 *
 * @example
 * ```js
 * const key = PrivateKey.generate()
 * writeFileSync('private.key', `${key.export()}\n`, { mode: 0o600 })
 * console.log(key.publicKey)
 * ```
 */
export class PrivateKey {
  /** The public key that belongs to it: the node's name. */
  readonly publicKey: PublicKey
  readonly #bytes: Buffer

  private constructor(bytes: Buffer) {
    if (!types.isUint8Array(bytes))
      throw notConstructed('A PrivateKey', 'take PrivateKey.generate() or PrivateKey.from(key)')
    this.#bytes = bytes
    this.publicKey = derivePublicKey(bytes)
    keepFacts(this, 'publicKey')
  }

  /** Makes a new key from the operating system's random numbers. */
  static generate(): PrivateKey {
    const bytes = randomBytes(KEY_BYTES)
    bytes[0] = (bytes[0] ?? 0) & 0xf8
    bytes[31] = ((bytes[31] ?? 0) & 0x7f) | 0x40
    return new PrivateKey(bytes)
  }

  static {
    Object.defineProperty(PrivateKey.prototype, BRAND, { value: true })
    privateKeyOf = (name, key) => new PrivateKey(parseKey(name, isPrivateKey(key) ? key.export() : key))
  }

  /**
   * Takes 32 bytes, their base64 as `wg genkey` prints it, also with its line's end, or a private key, also of another copy of the
   * package. Throws `ERR_WARREN_INVALID_KEY`, without what came.
   */
  static from(key: string | Uint8Array | PrivateKey): PrivateKey {
    return privateKeyOf('The private key', key)
  }

  /** Gives the base64 of the key: the only way to it. */
  export(): string {
    return this.#bytes.toString('base64')
  }

  /** Names the key by its public key. */
  toString(): string {
    return `PrivateKey(redacted, public ${this.publicKey})`
  }

  /** Names the key by its public key. */
  toJSON(): string {
    return this.toString()
  }

  /** Names the key by its public key. */
  [inspect.custom](): string {
    return this.toString()
  }
}

/** Takes a public key as 32 bytes or their base64, and gives the canonical base64. Throws `ERR_WARREN_INVALID_KEY`. */
export function parsePublicKey(key: string | Uint8Array): PublicKey {
  return publicKeyOf('The public key', key)
}

/** The same for an option of this name. */
export function publicKeyOf(name: string, key: unknown): PublicKey {
  if (isPrivateKey(key))
    throw invalidKey(TypeError, `${name} must be a public key; got a PrivateKey: take its publicKey`)
  return parseKey(name, key).toString('base64')
}

/** Gives the IPv6 address inside the tunnel that belongs to a key: `fd` and 120 bits of a BLAKE2s-256 over a domain and the key. */
export function addressOf(key: PublicKey): string {
  const digest = createHash('blake2s256').update(ADDRESS_DOMAIN).update(parseKey('The public key', key)).digest()
  const octets = Buffer.concat([ADDRESS_PREFIX, digest.subarray(0, 15)])
  return compress(Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2)))
}

/** The 32 bytes of a key of any kind, whose text may end with a line. What came is never repeated in the error: it could be a secret. */
export function parseKey(name: string, key: unknown): Buffer {
  if (types.isUint8Array(key)) {
    if (key.byteLength === KEY_BYTES) return Buffer.from(key)
    const isText = key.byteLength >= KEY_TEXT && key.byteLength <= KEY_TEXT + 2
    const hint = isText ? ": the text of a key is given as a string, so read its file as 'utf8'" : ''
    throw invalidKey(
      RangeError,
      `${name} must be ${KEY_BYTES} bytes, or their base64; got ${key.byteLength} bytes${hint}`,
    )
  }
  if (typeof key !== 'string')
    throw invalidKey(TypeError, `${name} must be base64 or ${KEY_BYTES} bytes; got ${describe(key)}`)
  const text = key.replace(/\r?\n$/, '')
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === KEY_BYTES && bytes.toString('base64') === text) return bytes
  throw invalidKey(
    RangeError,
    `${name} must be base64 of ${KEY_BYTES} bytes, ${KEY_TEXT} characters that end in '='; got ${flawOf(text)}`,
  )
}

function flawOf(text: string): string {
  if (/^[\da-f]{64}$/i.test(text)) return "64 hexadecimal digits: Buffer.from(key, 'hex') has the bytes"
  return text.length === KEY_TEXT ? `${KEY_TEXT} characters that are not canonical base64` : `${text.length} characters`
}

function isPrivateKey(value: unknown): value is PrivateKey {
  return typeof value === 'object' && value !== null && BRAND in value
}

function invalidKey(Kind: typeof TypeError | typeof RangeError, message: string): Error {
  return coded(new Kind(message), 'ERR_WARREN_INVALID_KEY')
}

function derivePublicKey(bytes: Buffer): PublicKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, bytes]), format: 'der', type: 'pkcs8' })
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64')
}

/** The canonical text of RFC 5952: the first longest run of zero groups, of two or more, is left out. */
function compress(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16))
  let best = { start: 0, length: 0 }
  for (let start = 0; start < text.length; start++) {
    let length = 0
    while (text[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  if (best.length < 2) return text.join(':')
  return `${text.slice(0, best.start).join(':')}::${text.slice(best.start + best.length).join(':')}`
}

const KEY_BYTES = 32

/** Their base64. */
const KEY_TEXT = 44

/** Locally assigned addresses, RFC 4193 section 3.1. */
const ADDRESS_PREFIX = Buffer.of(0xfd)

/** The DER of RFC 8410 section 7 up to the 32 bytes of the key. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** The domain of `native/wireguard`, so that both derive the same address. */
const ADDRESS_DOMAIN = 'warren inner address v1'
