import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS } from '../../../lib/arguments/limits.js'
import { type DeviceOptions, parseDeviceOptions } from '../../../lib/device/device-options.js'
import { PrivateKey } from '../../../lib/keys.js'

const privateKey = PrivateKey.generate()

function parse(options: object): ReturnType<typeof parseDeviceOptions> {
  return parseDeviceOptions({ privateKey, ...options } as DeviceOptions)
}

describe('the options of a device', () => {
  it('have defaults that are documented', () => {
    expect(parse({})).toEqual({
      privateKey,
      listen: { host: undefined, port: 0 },
      protocols: { offer: ['warren/1'], accept: ['warren/1'] },
      families: {},
      transports: ['quic/1'],
      moves: { auto: true, grace: 5_000 },
      authorize: undefined,
      authorizeTimeout: 4_000,
      forgetAfter: 540_000,
      deadAfter: 15_000,
      heartbeat: 9_000,
      driver: 'native',
      addresses: [],
      mtu: 1_420,
      maxMtu: 65_472,
      uplink: undefined,
      allowHalfOpen: false,
      lanes: new Map(),
      limits: DEFAULT_LIMITS,
      signal: undefined,
    })
  })

  it('take a key in base64, a port alone, and an address with a port', () => {
    expect(parse({ privateKey: privateKey.export() }).privateKey.publicKey).toBe(privateKey.publicKey)
    expect(parse({ listen: 51_820 }).listen).toEqual({ host: undefined, port: 51_820 })
    expect(parse({ listen: { host: '::1' } }).listen).toEqual({ host: '::1', port: 0 })
  })

  it('may be undefined wherever they may be left out', () => {
    const names = [
      'listen',
      'protocols',
      'authorize',
      'authorizeTimeout',
      'deadAfter',
      'heartbeat',
      'driver',
      'addresses',
      'mtu',
      'uplink',
      'limits',
      'signal',
    ]
    expect(parse(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual(parse({}))
  })

  it.each([
    ['port', 'options.port', { port: 1 }],
    ['limits.peerz', 'options.limits.peerz', { limits: { peerz: 1 } }],
    ['listen.address', 'options.listen.address', { listen: { address: '::' } }],
    ['lifetime', 'options.lifetime', { lifetime: undefined }],
  ])('that do not exist are named: %s', (_, name, options) => {
    expect(() => parse(options)).toThrow(TypeError)
    expect(() => parse(options)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_UNKNOWN_OPTION', message: expect.stringContaining(name) }),
    )
  })

  it.each<[string, object, RegExp]>([
    ['listen', { listen: '51820' }, /options\.listen must be a port/],
    ['listen.host', { listen: { host: 5 } }, /options\.listen\.host must be an IP address .*; got 5$/],
    [
      'protocols',
      { protocols: 'ledger' },
      /options\.protocols must be an array, or an object with offer, accept, prefer/,
    ],
    ['protocols[1]', { protocols: ['a', 5] }, /options\.protocols\[1\] must be a string; got 5/],
    ['authorize', { authorize: true }, /options\.authorize must be a function; got true/],
    ['deadAfter', { deadAfter: '15s' }, /options\.deadAfter must be an integer .*milliseconds.*got "15s"/],
    ['driver', { driver: 5 }, /options\.driver must be 'native' or 'script'/],
    ['addresses', { addresses: 'fd00::1' }, /options\.addresses must be an array/],
    ['mtu', { mtu: '1420' }, /options\.mtu must be an integer/],
    ['uplink', { uplink: null }, /options\.uplink must be an integer .*got null/],
    ['limits', { limits: 5 }, /options\.limits must be an object/],
    ['signal', { signal: {} }, /options\.signal must be an AbortSignal/],
  ])('of a wrong type are a TypeError: %s', (_, options, message) => {
    expect(() => parse(options)).toThrow(TypeError)
    expect(() => parse(options)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  it.each<[string, object, RegExp]>([
    ['listen', { listen: 65_536 }, /options\.listen must be an integer from 0 to 65535; got 65536/],
    [
      'listen.host',
      { listen: { host: 'localhost' } },
      /options\.listen\.host must be an IP address .*; got "localhost"$/,
    ],
    ['transports', { transports: ['tcp'] }, /options\.transports\[0\] must be 'quic\/1'; got "tcp"/],
    ['no transports', { transports: [] }, /options\.transports must be one transport or more/],
    [
      'families',
      { families: { a: ['x'], b: ['x'] } },
      /options\.families must be families that have each protocol once/,
    ],
    ['moves', { moves: { grace: -1 } }, /options\.moves\.grace must be an integer from 0/],
    ['protocols', { protocols: ['a', 'a'] }, /names each protocol once/],
    ['protocols[0]', { protocols: [''] }, /options\.protocols\[0\] must be a name of 1 to 255 bytes/],
    ['protocols[0] too long', { protocols: ['ä'.repeat(128)] }, /255 bytes/],
    ['authorizeTimeout', { authorizeTimeout: 0 }, /options\.authorizeTimeout/],
    ['deadAfter', { deadAfter: Number.NaN }, /got NaN/],
    ['heartbeat', { heartbeat: 2 ** 31 }, /options\.heartbeat/],
    ['driver', { driver: 'wasm' }, /options\.driver must be 'native' or 'script'; got "wasm"/],
    ['addresses[0]', { addresses: ['10.0.0.0/33'] }, /options\.addresses\[0\]/],
    ['mtu', { mtu: 70_000 }, /options\.mtu/],
    ['uplink', { uplink: 0 }, /options\.uplink/],
    [
      'limits.messageBytes',
      { limits: { messageBytes: 1.5 } },
      /options\.limits\.messageBytes must be an integer .*got 1\.5/,
    ],
  ])('out of range are a RangeError: %s', (_, options, message) => {
    expect(() => parse(options)).toThrow(RangeError)
    expect(() => parse(options)).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  it('refuse an MTU below what QUIC needs with a code of its own', () => {
    expect(() => parse({ mtu: 1_247 })).toThrow(
      expect.objectContaining({ name: 'RangeError', code: 'ERR_WARREN_MTU_TOO_SMALL' }),
    )
    expect(parse({ mtu: 1_248 })).toMatchObject({ mtu: 1_248, maxMtu: 1_248 })
  })

  it('need a key, and do not repeat a wrong one', () => {
    expect(() => parseDeviceOptions({} as DeviceOptions)).toThrow(/options\.privateKey must be/)
    const wrong = `${privateKey.export()}x`
    expect(() => parse({ privateKey: wrong })).toThrow(
      expect.objectContaining({ code: 'ERR_WARREN_INVALID_KEY', message: expect.not.stringContaining(wrong) }),
    )
  })
})
