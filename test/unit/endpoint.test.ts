import { describe, expect, it } from '@jest/globals'
import { formatEndpoint, parseEndpoint } from '../../lib/endpoint.js'

describe('parseEndpoint', () => {
  it.each([
    ['203.0.113.5:51820', { host: '203.0.113.5', port: 51_820, literal: true }],
    ['[2001:db8::1]:1', { host: '2001:db8::1', port: 1, literal: true }],
    ['[fe80::1%3]:9', { host: 'fe80::1%3', port: 9, literal: true }],
    ['node-1.example.org:65535', { host: 'node-1.example.org', port: 65_535, literal: false }],
    ['localhost:80', { host: 'localhost', port: 80, literal: false }],
  ])('takes %s', (text, parsed) => {
    expect(parseEndpoint(text)).toEqual(parsed)
    expect(formatEndpoint(parsed.host, parsed.port)).toBe(text.replace('%3', '%3'))
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
    '[fe80::1%eth0]:1',
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
