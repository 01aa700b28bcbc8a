import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { closeReasonOf, parseClose } from '../../lib/arguments/close.js'
import type { DriverClose } from '../../lib/driver.js'
import {
  fromClose,
  fromNative,
  type NativeCause,
  nativeCauses,
  WARREN_ERROR_CODES,
  WarrenError,
} from '../../lib/errors.js'
import { CLOSE_CAUSE } from '../../lib/generated/records.js'
import { root as ROOT, sources } from '../architecture/files'

const CAUSES: Record<Exclude<DriverClose['cause'], 'application'>, string> = {
  'peer-dead': 'ERR_WARREN_PEER_DEAD',
  'peer-restarted': 'ERR_WARREN_PEER_RESTARTED',
  'peer-removed': 'ERR_WARREN_PEER_REMOVED',
  'no-handshake': 'ERR_WARREN_NO_HANDSHAKE',
  'no-transport': 'ERR_WARREN_NO_TRANSPORT',
  'no-endpoint': 'ERR_WARREN_NO_ENDPOINT',
  'no-protocol': 'ERR_WARREN_NO_COMMON_PROTOCOL',
  'below-floor': 'ERR_WARREN_BELOW_FLOOR',
  'peer-dials': 'ERR_WARREN_PEER_DIALS',
  'lists-differ': 'ERR_WARREN_LISTS_DIFFER',
  refused: 'ERR_WARREN_CONNECTION_REFUSED',
  duplicate: 'ERR_WARREN_CONNECTION_REFUSED',
  protocol: 'ERR_WARREN_PROTOCOL_VIOLATION',
  'lane-full': 'ERR_WARREN_LANE_FULL',
}

/** The causes that no ending of a connection has. */
const REPORTED: Record<Exclude<NativeCause, DriverClose['cause']>, string> = {
  'already-exists': 'ERR_WARREN_PEER_EXISTS',
  'peer-leaving': 'ERR_WARREN_PEER_EXISTS',
  'own-key': 'ERR_WARREN_OWN_KEY',
  'low-order-key': 'ERR_WARREN_INVALID_KEY',
  'allowed-ip-conflict': 'ERR_WARREN_ALLOWED_IP_CONFLICT',
  'too-many-peers': 'ERR_WARREN_TOO_MANY_PEERS',
  'too-many-of-address': 'ERR_WARREN_TOO_MANY_PEERS',
  'stranger-gone': 'ERR_WARREN_NO_HANDSHAKE',
  EADDRINUSE: 'ERR_WARREN_ADDRESS_IN_USE',
  EACCES: 'ERR_WARREN_LISTEN_FAILED',
  EADDRNOTAVAIL: 'ERR_WARREN_LISTEN_FAILED',
  'listen-failed': 'ERR_WARREN_LISTEN_FAILED',
  'mtu-too-small': 'ERR_WARREN_MTU_TOO_SMALL',
  'invalid-argument': 'ERR_WARREN_INVALID_ARGUMENT',
  'device-closed': 'ERR_WARREN_DEVICE_CLOSED',
  failed: 'ERR_WARREN_DEVICE_FAILED',
  'node-api': 'ERR_WARREN_DEVICE_FAILED',
  'addon-loaded': 'ERR_WARREN_ADDON_LOADED',
  'addon-not-found': 'ERR_WARREN_ADDON_NOT_FOUND',
}

/** Causes of which a driver's own words say the same as the table: their address alone is repeated. */
const SAID = new Set([
  ...[
    'already-exists',
    'own-key',
    'low-order-key',
    'too-many-peers',
    'mtu-too-small',
    'device-closed',
    'stranger-gone',
  ],
  ...['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'],
])

describe('errors', () => {
  it.each(Object.entries(CAUSES))('of an ending by %s have the code %s', (cause, code) => {
    const close = { by: 'network', code: 0, reason: 'a fact', cause } as DriverClose
    expect(fromClose(close, 'key')).toMatchObject({
      name: 'WarrenError',
      code,
      peer: 'key',
      message: expect.stringContaining('(a fact)'),
    })
    expect(closeReasonOf(close, 'key').error?.code).toBe(code)
  })

  it('are none where an application closed', () => {
    expect(closeReasonOf({ by: 'remote', code: 7, reason: 'bye', cause: 'application' }, 'key')).toEqual({
      by: 'remote',
      code: 7,
      reason: 'bye',
      error: undefined,
    })
  })

  it.each([
    ...Object.entries(REPORTED),
    ['constructor', 'ERR_WARREN_DEVICE_FAILED'],
    ['something new', 'ERR_WARREN_DEVICE_FAILED'],
  ])('of the native cause %s have the code %s', (code, expected) => {
    const failure = Object.assign(new Error(SAID.has(code) ? '[::1]:7 is so' : 'the fact'), { code })
    expect(fromNative(failure, 'key')).toMatchObject({
      code: expected,
      peer: 'key',
      cause: failure,
      message: expect.stringMatching(/\((the fact|\[::1\]:7)\)$/),
    })
  })

  it('have a row for each cause that the addon tells, and no row that nothing tells', () => {
    const rust = readFileSync(join(ROOT, 'native/binding/src/errors.rs'), 'utf8')
    const thrown = Array.from(rust.matchAll(/(?:=>|Error::new\()\s*"([\w-]+)"/g), ([, cause = '']) => cause)
    const closes = CLOSE_CAUSE.filter((cause) => cause !== 'application')
    expect(thrown.length).toBeGreaterThan(12)
    expect(nativeCauses()).toEqual(expect.arrayContaining([...thrown, ...closes]))
    const typescript = sources(['lib'], ['.ts'])
      .filter(({ path }) => path !== 'lib/errors.ts')
      .map(({ text }) => text)
    const ours = nativeCauses().filter((cause) => typescript.some((text) => text.includes(`'${cause}'`)))
    expect([...new Set([...thrown, ...closes, ...ours, 'failed'])].sort()).toEqual([...nativeCauses()].sort())
  })

  it('say of a failure of Node that it was Node, not the device', () => {
    const failure = Object.assign(new Error('Generic failure'), { code: 'node-api' })
    expect(fromNative(failure).message).toMatch(/^Node did not .*\(Generic failure\)$/)
  })

  it('pass unchanged once they have a code, and come from anything thrown', () => {
    const error = new WarrenError('ERR_WARREN_OWN_KEY', 'own')
    expect(fromNative(error)).toBe(error)
    for (const thrown of [undefined, null, 'text', 5]) expect(fromNative(thrown).code).toBe('ERR_WARREN_DEVICE_FAILED')
  })

  it('are known across realms and copies of the package, and nothing else is', () => {
    expect(WarrenError.is(new WarrenError('ERR_WARREN_OWN_KEY', 'own'))).toBe(true)
    expect(WarrenError.is(runInNewContext("({ [Symbol.for('warren.WarrenError')]: true })"))).toBe(true)
    for (const other of [new Error('x'), { code: 'ERR_WARREN_OWN_KEY' }, undefined, null, 'ERR_WARREN_OWN_KEY'])
      expect(WarrenError.is(other)).toBe(false)
  })

  it('have codes that are listed once, in order', () => {
    expect([...WARREN_ERROR_CODES]).toEqual([...new Set(WARREN_ERROR_CODES)].sort())
  })
})

describe('the options of close', () => {
  it('have defaults', () => {
    expect(parseClose(undefined)).toEqual({ code: 0, reason: '', timeout: 5_000 })
  })

  it.each([
    { code: -1 },
    { code: 2 ** 32 },
    { reason: 'ä'.repeat(129) },
    { timeout: -1 },
    { timeout: Number.POSITIVE_INFINITY },
  ])('refuse %j', (options) => {
    expect(() => parseClose(options)).toThrow(RangeError)
  })
})
