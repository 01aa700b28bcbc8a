import { constants } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { Attempts } from '../../../lib/dial/attempts.js'
import { noHandshake, noTransport, type Tunnel } from '../../../lib/dial/dial-error.js'

const { ENETUNREACH, EPERM } = constants.errno
const TUNNEL: Tunnel = { endpoint: '192.0.2.1:7', upFor: 60_000, isWarren: true }

describe('Attempts', () => {
  it('count each endpoint, and the initiation that is on its way', () => {
    const attempts = new Attempts()
    for (const to of ['a:1', 'b:1', 'a:1']) attempts.unanswered(to)
    expect(attempts.tried('c:1')).toEqual([
      { endpoint: 'b:1', times: 1, error: undefined },
      { endpoint: 'a:1', times: 2, error: undefined },
      { endpoint: 'c:1', times: 1, error: undefined },
    ])
    expect(attempts.tried('a:1').find(({ endpoint }) => endpoint === 'a:1')?.times).toBe(3)
    expect(attempts.cause()).toBeUndefined()
  })

  it('do not count one that the system refused as on its way', () => {
    const attempts = new Attempts()
    attempts.unreachable('a:1', ENETUNREACH)
    expect(attempts.tried('a:1')).toEqual([{ endpoint: 'a:1', times: 1, error: 'ENETUNREACH' }])
  })

  it('forget the refusal of what was sent later', () => {
    const attempts = new Attempts()
    attempts.unreachable('a:1', ENETUNREACH)
    attempts.unanswered('a:1')
    expect(attempts.tried(undefined)).toEqual([{ endpoint: 'a:1', times: 2, error: undefined }])
    expect(attempts.cause()).toBeUndefined()
  })

  it('give the refusals of the system, all of them where there are several', () => {
    const attempts = new Attempts()
    attempts.unreachable('a:1', ENETUNREACH)
    expect(attempts.cause()).toMatchObject({ code: 'ENETUNREACH', errno: -ENETUNREACH, syscall: 'send' })
    attempts.unreachable('b:1', EPERM)
    expect((attempts.cause() as AggregateError).errors.map(({ code }) => code)).toEqual(['ENETUNREACH', 'EPERM'])
  })

  it('keep the last 16 endpoints of a peer that has more', () => {
    const attempts = new Attempts()
    for (let index = 0; index < 100; index++) attempts.unanswered(`192.0.2.${index}:1`)
    const tried = attempts.tried(undefined)
    expect(tried).toHaveLength(16)
    expect(tried.at(-1)?.endpoint).toBe('192.0.2.99:1')
  })
})

describe('the error of a dial', () => {
  it('without a handshake names what is likely, a clock set back among it', () => {
    const tried = [{ endpoint: '192.0.2.1:7', times: 3, error: undefined }]
    const { message } = noHandshake('key', 10_000, tried, undefined)
    const order = ['192.0.2.1:7 (3×)', 'endpoint or the key', 'UDP', 'authorizes', 'pre-shared', 'clock']
    expect(order.map((text) => message.indexOf(text))).toEqual(
      [...order.map((text) => message.indexOf(text))].sort((a, b) => a - b),
    )
    expect(order.every((text) => message.includes(text))).toBe(true)
  })

  it('points at this machine where the system sends nothing at all', () => {
    const tried = [{ endpoint: '192.0.2.1:7', times: 3, error: 'ENETUNREACH' }]
    const { message } = noHandshake('key', 250, tried, undefined)
    expect(message).toContain(
      "in 250 ms; tried 192.0.2.1:7 (3× ENETUNREACH). The system sends nothing there: check this machine's network",
    )
    expect(message).not.toContain('clock')
  })

  it.each([
    [
      '[::1]:9',
      '127.0.0.1',
      "The device's socket is IPv4 only, for its listen.host is 127.0.0.1: leave that out to reach IPv6",
    ],
    ['[::1]:9', '::ffff:127.0.0.1', "The device's socket is IPv4 only, for its listen.host is ::ffff:127.0.0.1: leave"],
    [
      '192.0.2.1:7',
      '::1',
      "The device's socket is IPv6 only, for its listen.host is ::1: leave that out to reach IPv4",
    ],
    [
      '192.0.2.1:7',
      '127.0.0.1',
      "nothing there from 127.0.0.1, the device's listen.host: check this machine's network",
    ],
    ['192.0.2.1:7', '::', "nothing there: check this machine's network"],
    ['[2001:db8::1]:7', undefined, "nothing there: check this machine's network"],
  ])('tells of the socket where it sends nothing to %s from %s', (endpoint, listens, says) => {
    const tried = [{ endpoint, times: 3, error: 'EINVAL' }]
    expect(noHandshake('key', 250, tried, undefined, listens).message).toContain(says)
  })

  it.each<[string, Partial<Tunnel>, RegExp, RegExp]>([
    ['of a peer that spoke warren before', {}, /stopped, busy, or was restarted.*1,308 bytes/, /plain WireGuard/],
    ['in a session that is young', { isWarren: false, upFor: 4_999 }, /stopped, busy.*1,308 bytes/, /plain WireGuard/],
    ['over IPv6', { endpoint: '[2001:db8::1]:7' }, /1,328 bytes/, /1,308/],
    ['of a peer that never spoke warren', { isWarren: false }, /1,308 bytes.*a plain WireGuard peer\?/, /busy/],
  ])('in a tunnel that is up, %s', (_, facts, likely, unlikely) => {
    const error = noTransport('key', 10_000, { ...TUNNEL, ...facts }, [], undefined)
    expect(error).toMatchObject({ code: 'ERR_WARREN_NO_TRANSPORT', peer: 'key' })
    expect(error.message).toMatch(likely)
    expect(error.message).not.toMatch(unlikely)
  })

  it('in a tunnel that no handshake renews says that the peer is gone', () => {
    const tried = [{ endpoint: '192.0.2.1:7', times: 3, error: undefined }]
    const { message } = noTransport('key', 10_000, { ...TUNNEL, isWarren: false }, tried, undefined)
    expect(message).toContain('192.0.2.1:7 (3×). Likely, in this order: the process of the peer ended')
    expect(message).not.toContain('plain WireGuard')
  })
})
