import { describe, expect, it, jest } from '@jest/globals'
import { Authorizations, type Authorize, type Stranger } from '../../../lib/device/authorization.js'
import { settle, VirtualClock } from '../virtual-clock.js'

interface Rig {
  readonly clock: VirtualClock
  readonly authorizations: Authorizations
  readonly outcomes: unknown[][]
  readonly asked: Stranger[]
}

function rig(authorize: Authorize, most = 10): Rig {
  const clock = new VirtualClock()
  const outcomes: unknown[][] = []
  const asked: Stranger[] = []
  const ask: Authorize = (stranger) => {
    asked.push(stranger)
    return authorize(stranger)
  }
  const authorizations = new Authorizations(ask, 4_000, most, clock, {
    accept: (...outcome) => outcomes.push(['accept', ...outcome]),
    reject: (...outcome) => outcomes.push(['reject', ...outcome]),
  })
  return { clock, authorizations, outcomes, asked }
}

const forever = (): Promise<boolean> => new Promise(() => {})

describe('Authorizations', () => {
  it('lets in on true, and with settings on an object', async () => {
    const { authorizations, outcomes } = rig(({ publicKey }) => publicKey === 'a' || { allowedIPs: ['10.0.0.1'] })
    authorizations.ask('a', '1.1.1.1:1')
    authorizations.ask('b', '2.2.2.2:2')
    await settle()
    expect(outcomes).toEqual([
      [
        'accept',
        'a',
        '1.1.1.1:1',
        { presharedKey: undefined, allowedIPs: [], persistentKeepalive: undefined, maxPriority: 255 },
      ],
      [
        'accept',
        'b',
        '2.2.2.2:2',
        { presharedKey: undefined, allowedIPs: ['10.0.0.1/32'], persistentKeepalive: undefined, maxPriority: 255 },
      ],
    ])
  })

  it('warns of an exception, once for each place, and counts all', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { authorizations, outcomes } = rig(({ publicKey }) => {
      if (publicKey === 'other') return Promise.reject('no error at all')
      return (undefined as unknown as Set<string>).has(publicKey)
    })
    for (const key of ['a', 'b', 'other']) authorizations.ask(key, '1.1.1.1:1')
    await settle()
    expect(outcomes.map(([what]) => what)).toEqual(['reject', 'reject', 'reject'])
    expect(authorizations.failures).toBe(3)
    expect(warn.mock.calls.map(([, options]) => options as unknown)).toEqual([
      expect.objectContaining({
        code: 'WARREN_AUTHORIZE_FAILED',
        detail: expect.stringMatching(/TypeError[\s\S]*authorization.test/),
      }),
      expect.objectContaining({ detail: expect.stringContaining('no error at all') }),
    ])
    warn.mockRestore()
  })

  it('warns of an answer that is none once for each device and kind, whatever came', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const answers: unknown[] = [
      'yes',
      'no',
      undefined,
      undefined,
      1,
      { trusted: true },
      { maxPriority: 256 },
      { maxPriority: 999 },
    ]
    for (let device = 0; device < 2; device++) {
      const { authorizations } = rig(({ publicKey }) => answers[Number(publicKey)] as boolean)
      for (const index of answers.keys()) authorizations.ask(String(index), '1.1.1.1:1')
      await settle()
      expect(authorizations.failures).toBe(answers.length)
    }
    const details = warn.mock.calls.map(([, options]) => String(Object(options).detail).split('\n')[0])
    warn.mockRestore()
    const answer = 'TypeError: The answer of authorize must be true, false or an object with settings; got'
    const each = [
      `${answer} "yes"`,
      `${answer} undefined`,
      `${answer} 1`,
      expect.stringMatching(/^TypeError: authorization\.trusted is not an option; there are /),
      'RangeError: authorization.maxPriority must be an integer from 0 to 255; got 256',
    ]
    expect(details).toEqual([...each, ...each])
  })

  it('counts no refusal as an exception', async () => {
    const { authorizations } = rig(() => false)
    authorizations.ask('a', '1.1.1.1:1')
    await settle()
    expect(authorizations.failures).toBe(0)
  })

  it.each<[string, Authorize, string, unknown]>([
    ['false', () => false, 'refused', undefined],
    [
      'a throw',
      () => {
        throw new Error('registry down')
      },
      'error',
      expect.objectContaining({ message: 'registry down' }),
    ],
    [
      'a rejection',
      () => Promise.reject(new Error('registry down')),
      'error',
      expect.objectContaining({ message: 'registry down' }),
    ],
    ['settings that are wrong', () => ({ allowedIPs: ['x'] }), 'error', expect.any(RangeError)],
    ['something else', () => undefined as unknown as boolean, 'error', expect.any(TypeError)],
  ])('refuses on %s', async (_, authorize, reason, error) => {
    const { authorizations, outcomes } = rig(authorize)
    authorizations.ask('a', '1.1.1.1:1')
    await settle()
    expect(outcomes).toEqual([['reject', 'a', '1.1.1.1:1', reason, error]])
    expect(authorizations.pending).toBe(0)
  })

  it('calls once per key while the answer is awaited, and again afterwards', async () => {
    const { authorizations, asked } = rig(() => false)
    for (let index = 0; index < 5; index++) authorizations.ask('a', '1.1.1.1:1')
    expect(asked).toHaveLength(1)
    await settle()
    authorizations.ask('a', '1.1.1.1:1')
    expect(asked).toHaveLength(2)
  })

  it('gives up after its time, aborts, and ignores the late answer', async () => {
    let answer: (yes: boolean) => void = () => {}
    const { authorizations, outcomes, asked, clock } = rig(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    authorizations.ask('a', '1.1.1.1:1')
    await clock.advance(3_999)
    expect(asked[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(asked[0]?.signal.aborted).toBe(true)
    answer(true)
    await settle()
    expect(outcomes).toEqual([['reject', 'a', '1.1.1.1:1', 'timeout', undefined]])
  })

  it('gives up when the engine does', async () => {
    const { authorizations, outcomes, asked } = rig(forever)
    authorizations.ask('a', '1.1.1.1:1')
    authorizations.gone('a')
    authorizations.gone('b')
    expect(outcomes).toEqual([['reject', 'a', '1.1.1.1:1', 'timeout', undefined]])
    expect(asked[0]?.signal.aborted).toBe(true)
  })

  it('never has more questions open than it may', async () => {
    const { authorizations, outcomes, asked } = rig(forever, 3)
    for (const key of ['a', 'b', 'c', 'd']) authorizations.ask(key, '1.1.1.1:1')
    expect(asked).toHaveLength(3)
    expect(outcomes).toEqual([['reject', 'd', '1.1.1.1:1', 'refused', undefined]])
  })

  it('forgets in silence: whoever became a peer otherwise, and everybody at the end', async () => {
    const { authorizations, outcomes, asked, clock } = rig(forever)
    authorizations.ask('a', '1.1.1.1:1')
    authorizations.ask('b', '1.1.1.1:1')
    authorizations.forget('a')
    authorizations.close()
    await clock.advance(10_000)
    expect(outcomes).toEqual([])
    expect(asked.every(({ signal }) => signal.aborted)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('does not abort the signal of a question that was answered in time', async () => {
    const { authorizations, asked, clock } = rig(() => true)
    authorizations.ask('a', '1.1.1.1:1')
    await clock.advance(10_000)
    expect(asked[0]?.signal.aborted).toBe(false)
  })
})
