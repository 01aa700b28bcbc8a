import { describe, expect, it } from '@jest/globals'
import { PrivateKey } from '../../lib/keys.js'
import {
  type PeerChanges,
  type PeerOptions,
  parseAuthorizedPeer,
  parsePeerChanges,
  parsePeerOptions,
} from '../../lib/peer-options.js'

const { publicKey } = PrivateKey.generate()

describe('the options of a peer', () => {
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
