import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { addressOf, PrivateKey, parsePublicKey } from '../../lib/keys.js'

/** RFC 7748 section 5.2, the first of the iterations: the scalar 9 times the base point, which is 9 as well. */
const SECRET = Buffer.concat([Buffer.of(9), Buffer.alloc(31)])
const PUBLIC = Buffer.from('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079', 'hex').toString('base64')

describe('PrivateKey', () => {
  it('derives the public key of RFC 7748', () => {
    expect(PrivateKey.from(SECRET).publicKey).toBe(PUBLIC)
  })

  it('comes back from its own export', () => {
    const key = PrivateKey.generate()
    expect(PrivateKey.from(key.export()).publicKey).toBe(key.publicKey)
  })

  it('generates clamped keys, each another', () => {
    const keys = Array.from({ length: 50 }, () => Buffer.from(PrivateKey.generate().export(), 'base64'))
    for (const bytes of keys) {
      expect((bytes[0] ?? 0) & 7).toBe(0)
      expect((bytes[31] ?? 0) & 0xc0).toBe(0x40)
    }
    expect(new Set(keys.map((bytes) => bytes.toString('hex'))).size).toBe(50)
  })

  it('keeps its own copy of the bytes it is made from', () => {
    const bytes = Buffer.from(SECRET)
    const key = PrivateKey.from(bytes)
    bytes.fill(0)
    expect(key.export()).toBe(SECRET.toString('base64'))
  })

  it('never shows the secret, however it is printed', () => {
    const key = PrivateKey.generate()
    const shown = [
      String(key),
      `${key}`,
      JSON.stringify({ key }),
      inspect(key),
      inspect({ nested: [key] }, { showHidden: true, depth: 9 }),
      Object.entries(key).join(),
    ]
    for (const text of shown) {
      expect(text).not.toContain(key.export())
      expect(text).not.toContain(Buffer.from(key.export(), 'base64').toString('hex'))
    }
  })

  it.each([
    ['too short', 'AAAA'],
    ['not canonical', `${'A'.repeat(42)}B=`],
    ['not base64', '*'.repeat(44)],
    ['empty', ''],
    ['hexadecimal', 'ab'.repeat(32)],
    ['31 bytes', new Uint8Array(31)],
    ['nothing', undefined],
  ])('refuses a key that is %s without repeating it', (_, key) => {
    expect(() => PrivateKey.from(key as string)).toThrow(expect.objectContaining({ code: 'ERR_WARREN_INVALID_KEY' }))
    if (typeof key !== 'string' || key === '') return
    expect(() => PrivateKey.from(key)).not.toThrow(expect.objectContaining({ message: expect.stringContaining(key) }))
  })
})

describe('parsePublicKey', () => {
  it('gives canonical base64 for bytes and for base64', () => {
    expect(parsePublicKey(Buffer.from(PUBLIC, 'base64'))).toBe(PUBLIC)
    expect(parsePublicKey(PUBLIC)).toBe(PUBLIC)
  })

  it('refuses a second spelling of the same key', () => {
    expect(() => parsePublicKey(PUBLIC.slice(0, -1))).toThrow(RangeError)
    expect(() => parsePublicKey(` ${PUBLIC}`)).toThrow(RangeError)
  })
})

describe('addressOf', () => {
  /** Computed with another implementation of BLAKE2s; `native/wireguard` is tested with the same two. */
  it.each([
    [PUBLIC, 'fd4d:f2f5:5fc8:facc:905:ceb0:29fe:d143'],
    [Buffer.alloc(32).toString('base64'), 'fd8a:e75b:763a:86d1:8590:7b:bd3d:5445'],
  ])('of %s is %s', (key, address) => {
    expect(addressOf(key)).toBe(address)
  })

  it('leaves out the first longest run of zero groups only', () => {
    const addresses = Array.from({ length: 200 }, () => addressOf(PrivateKey.generate().publicKey))
    for (const address of addresses) {
      expect(address).toMatch(/^fd[0-9a-f]{2}:/)
      expect(new URL(`http://[${address}]`).hostname).toBe(`[${address}]`)
    }
  })
})
