import { describe, expect, it } from '@jest/globals'
import { PrivateKey } from '../../../lib/keys.js'
import {
  type PeerChanges,
  type PeerOptions,
  parseAuthorizedPeer,
  parsePeerChanges,
  parsePeerOptions,
} from '../../../lib/peer/peer-options.js'

const { publicKey } = PrivateKey.generate()

describe('endpoints that are taken apart', () => {
  it('are those of the text, and those of a device on all addresses are of this machine', () => {
    const parsed = (endpoint: PeerOptions['endpoint']) => parsePeerOptions({ publicKey, endpoint }).endpoint
    for (const [like, text] of [
      [{ host: '192.0.2.1', port: 5 }, '192.0.2.1:5'],
      [{ host: '2001:db8::1', port: 65_535 }, '[2001:db8::1]:65535'],
      [{ host: 'node.example.org', port: 1 }, 'node.example.org:1'],
      [{ host: '::', port: 7 }, '127.0.0.1:7'],
      [{ host: '0.0.0.0', port: 7 }, '127.0.0.1:7'],
    ] as const)
      expect([parsed(like), parsed([like])]).toEqual([parsed(text), parsed([text])])
    for (const [wrong, message] of [
      [{ host: 'a', port: 0 }, 'options.endpoint.port'],
      [{ host: 5, port: 1 }, 'options.endpoint.host'],
      [{ host: 'a', port: 1, zone: 1 }, 'options.endpoint.zone'],
      [{ host: 'not a host', port: 1 }, 'options.endpoint.host must be a host name, or an IP address'],
      [{ host: '[::1]', port: 5 }, /^options\.endpoint\.host must be .* without brackets or port.*; got "\[::1\]"$/],
      [{ host: '127.0.0.1:5', port: 5 }, /^options\.endpoint\.host must be .*; got "127\.0\.0\.1:5"$/],
      [{ host: 'fe80::1', port: 5 }, /^options\.endpoint\.host must be .* with its zone.*; got "fe80::1"$/],
      [[{ host: '', port: 5 }], /^options\.endpoint\[0\]\.host must be .*; got ""$/],
    ] as const)
      expect(() => parsed(wrong as never)).toThrow(message)
  })
})

describe('the options of a peer', () => {
  it('have as many endpoints as are tried, and no more', () => {
    const endpoints = Array.from({ length: 33 }, (_, index) => `192.0.2.${index}:1`)
    expect(parsePeerOptions({ publicKey, endpoint: endpoints.slice(1) }).endpoint).toHaveLength(32)
    for (const parse of [
      () => parsePeerOptions({ publicKey, endpoint: endpoints }),
      () => parsePeerChanges({ endpoint: endpoints }),
    ])
      expect(parse).toThrow(/\.endpoint must be an array of at most 32; got an array of 33$/)
  })

  it('come parsed, with nothing but the key needed', () => {
    expect(parsePeerOptions({ publicKey: Buffer.from(publicKey, 'base64') })).toEqual({
      publicKey,
      endpoint: [],
      presharedKey: undefined,
      allowedIPs: [],
      persistentKeepalive: undefined,
      maxPriority: 255,
    })
    expect(
      parsePeerOptions({
        publicKey,
        endpoint: ['a:1', '10.0.0.1:2'],
        allowedIPs: ['10.0.0.0/8', '::1'],
        persistentKeepalive: 25,
        presharedKey: Buffer.alloc(32, 1),
      }),
    ).toEqual({
      publicKey,
      endpoint: [
        { host: 'a', port: 1, literal: false },
        { host: '10.0.0.1', port: 2, literal: true },
      ],
      presharedKey: Buffer.alloc(32, 1),
      allowedIPs: ['10.0.0.0/8', '::1/128'],
      persistentKeepalive: 25,
      maxPriority: 255,
    })
  })

  it.each<[string, object, string]>([
    ['an unknown name', { keepalive: 25 }, 'ERR_WARREN_UNKNOWN_OPTION'],
    ['a wrong key', { publicKey: 'nobody' }, 'ERR_WARREN_INVALID_KEY'],
    ['a wrong pre-shared key', { presharedKey: 'secret' }, 'ERR_WARREN_INVALID_KEY'],
    ['a wrong endpoint', { endpoint: 'nowhere' }, 'ERR_WARREN_INVALID_ENDPOINT'],
    ['a wrong endpoint among others', { endpoint: ['a:1', 'nowhere'] }, 'ERR_WARREN_INVALID_ENDPOINT'],
    ['a wrong prefix', { allowedIPs: ['10.0.0.0/8', '10.0.0.0/x'] }, 'ERR_WARREN_INVALID_ARGUMENT'],
    ['a keepalive out of range', { persistentKeepalive: 65_536 }, 'ERR_WARREN_INVALID_ARGUMENT'],
  ])('refuse %s', (_, options, code) => {
    expect(() => parsePeerOptions({ publicKey, ...options } as PeerOptions)).toThrow(expect.objectContaining({ code }))
  })

  it('take 0 for no keepalive, as wg(8)', () => {
    expect(parsePeerOptions({ publicKey, persistentKeepalive: 0 }).persistentKeepalive).toBeUndefined()
    expect(parsePeerChanges({ persistentKeepalive: 0 }).persistentKeepalive).toBeNull()
  })

  it('change only where something is given, and go away with null', () => {
    expect(parsePeerChanges({})).toEqual({
      endpoint: undefined,
      presharedKey: undefined,
      allowedIPs: undefined,
      persistentKeepalive: undefined,
      replace: false,
    })
    expect(parsePeerChanges({ presharedKey: null, persistentKeepalive: null, replace: true })).toMatchObject({
      presharedKey: null,
      persistentKeepalive: null,
      replace: true,
    })
    expect(() => parsePeerChanges({ publicKey } as PeerChanges)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_UNKNOWN_OPTION' }),
    )
  })

  it('as authorize gives them have neither key nor endpoint', () => {
    expect(parseAuthorizedPeer({ allowedIPs: ['10.0.0.1'] }).allowedIPs).toEqual(['10.0.0.1/32'])
    expect(() => parseAuthorizedPeer({ endpoint: 'a:1' } as object)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_UNKNOWN_OPTION' }),
    )
  })
})
