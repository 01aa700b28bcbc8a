import { describe, expect, it } from '@jest/globals'
import { canonicalAddress, formatEndpoint, parseEndpoint, spellEndpoint } from '../../../lib/arguments/endpoint.js'

describe('parseEndpoint', () => {
  it.each([
    ['203.0.113.5:51820', { host: '203.0.113.5', port: 51_820, literal: true }],
    ['[2001:db8::1]:1', { host: '2001:db8::1', port: 1, literal: true }],
    ['[fe80::1%3]:9', { host: 'fe80::1%3', port: 9, literal: true, zone: '3' }],
    ['[fe80::1%eth0]:51820', { host: 'fe80::1%eth0', port: 51_820, literal: true, zone: 'eth0' }],
    ['[FEBF::1%wg_a-0.1]:1', { host: 'FEBF::1%wg_a-0.1', port: 1, literal: true, zone: 'wg_a-0.1' }],
    ['node-1.example.org:65535', { host: 'node-1.example.org', port: 65_535, literal: false }],
    ['localhost:80', { host: 'localhost', port: 80, literal: false }],
  ])('takes %s', (text, parsed) => {
    expect(parseEndpoint(text)).toEqual(parsed)
    expect(formatEndpoint(parsed.host, parsed.port)).toBe(text)
  })

  it.each([
    '',
    'host',
    'host:',
    ':1',
    'host:0',
    'host:65536',
    'host:1a',
    '2001:db8::1:51820',
    '[127.0.0.1]:1',
    '[]:1',
    '[::1]',
    '[fe80::1]:9',
    '[FEBF::1]:9',
    '[fe80::1%]:1',
    '[fe80::1%eth0%1]:1',
    '[fe80::1%a b]:1',
    '[fe80::1%0123456789abcdef]:1',
    '[2001:db8::1%eth0]:1',
    'fe80::1%eth0:1',
    'host%eth0:1',
    '1.2.3:4',
    '256.1.1.1:4',
    'a..b:1',
    '-a:1',
    'a b:1',
    `${'a'.repeat(64)}:1`,
    'http://host:1',
  ])('refuses %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'ERR_WARREN_INVALID_ENDPOINT' }))
  })

  it('names the option when it is no text at all', () => {
    expect(() => parseEndpoint(51_820, 'options.endpoint')).toThrow(/options\.endpoint must be .* got 51820/)
  })
})

describe('an IPv4 address that is written as IPv6', () => {
  it.each([
    '::ffff:203.0.113.5',
    '::FFFF:203.0.113.5',
    '::ffff:cb00:7105',
    '0:0:0:0:0:ffff:cb00:7105',
    '0000::ffff:203.0.113.5',
  ])('is the same as IPv4: %s', (address) => {
    expect(canonicalAddress(address)).toBe('203.0.113.5')
    expect(parseEndpoint(`[${address}]:1`)).toEqual({ host: '203.0.113.5', port: 1, literal: true })
  })

  it.each(['::1', '::203.0.113.5', '64:ff9b::203.0.113.5', '::fffe:203.0.113.5', '1::ffff:203.0.113.5', '10.0.0.1'])(
    'is no other: %s',
    (address) => expect(canonicalAddress(address)).toBe(address),
  )
})

describe('spellEndpoint', () => {
  const zones = { index: () => undefined, spell: (index: number) => (index === 3 ? 'eth0' : String(index)) }

  it('names interfaces, and numbers those that are gone', () => {
    expect(spellEndpoint('[fe80::1%3]:5', zones)).toBe('[fe80::1%eth0]:5')
    expect(spellEndpoint('[fe80::1%4]:5', zones)).toBe('[fe80::1%4]:5')
    expect(spellEndpoint('10.0.0.1:5', zones)).toBe('10.0.0.1:5')
  })
})
