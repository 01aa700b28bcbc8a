import { beforeEach, describe, expect, it } from '@jest/globals'
import { inTurn, Names } from '../../../lib/peer/names.js'
import { type Deferred, defer } from '../../../lib/waiting/deferred.js'
import { settle, VirtualClock } from '../virtual-clock.js'

let clock: VirtualClock
let asked: string[]
let answers: Map<string, Deferred<readonly string[]>>
let names: Names

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  answers = new Map()
  names = new Names(clock, (host) => {
    asked.push(host)
    const answer = defer<readonly string[]>()
    answers.set(host, answer)
    return answer.promise
  })
})

/** What became of it so far. */
function outcomeOf(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const outcome: { value?: unknown; error?: unknown } = {}
  promise.then(
    (value) => Object.assign(outcome, { value }),
    (error) => Object.assign(outcome, { error: (error as Error).message }),
  )
  return outcome
}

async function answer(host: string, addresses: readonly string[] | Error): Promise<void> {
  if (addresses instanceof Error) answers.get(host)?.reject(addresses)
  else answers.get(host)?.resolve(addresses)
  await settle()
}

describe('Names', () => {
  it('asks about one name at a time, and once for all who ask', async () => {
    const outcomes = ['a', 'b', 'a', 'c'].map((host) => outcomeOf(names.resolve(host)))
    await settle()
    expect(asked).toEqual(['a'])
    await answer('a', ['10.0.0.1'])
    expect(asked).toEqual(['a', 'b'])
    expect([outcomes[0], outcomes[2]]).toEqual([{ value: ['10.0.0.1'] }, { value: ['10.0.0.1'] }])
    await answer('b', ['10.0.0.2'])
    await answer('c', ['10.0.0.3'])
    expect(outcomes.map(({ value }) => value)).toEqual([['10.0.0.1'], ['10.0.0.2'], ['10.0.0.1'], ['10.0.0.3']])
  })

  it('holds to an answer for five seconds', async () => {
    outcomeOf(names.resolve('a'))
    await answer('a', ['10.0.0.1'])
    await clock.advance(4_999)
    expect(await names.resolve('a')).toEqual(['10.0.0.1'])
    expect(asked).toEqual(['a'])
    await clock.advance(1)
    const second = outcomeOf(names.resolve('a'))
    await answer('a', ['10.0.0.2'])
    expect(second).toEqual({ value: ['10.0.0.2'] })
  })

  it('asks ever more rarely about a name that fails, and as before once it is found', async () => {
    const times: number[] = []
    for (let step = 0; step < 300; step++) {
      outcomeOf(names.resolve('gone'))
      await settle()
      if (asked.length > times.length) times.push(clock.now())
      await answer('gone', new Error('ENOTFOUND'))
      await clock.advance(1_000)
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(gaps).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
    await clock.advance(60_000)
    outcomeOf(names.resolve('gone'))
    await answer('gone', ['10.0.0.1'])
    await clock.advance(5_000)
    const asksBefore = asked.length
    outcomeOf(names.resolve('gone'))
    expect(asked.length).toBe(asksBefore + 1)
  })

  it('puts names that failed behind all others', async () => {
    outcomeOf(names.resolve('bad'))
    await answer('bad', new Error('ENOTFOUND'))
    await clock.advance(5_000)
    for (const host of ['busy', 'bad', 'new', 'newer']) outcomeOf(names.resolve(host))
    for (const host of ['busy', 'new', 'newer']) await answer(host, ['10.0.0.1'])
    expect(asked).toEqual(['bad', 'busy', 'new', 'newer', 'bad'])
  })

  it('lets nobody wait long for a silent resolver, and keeps what it says late', async () => {
    const [silent, behind] = ['silent', 'behind'].map((host) => outcomeOf(names.resolve(host)))
    await clock.advance(4_000)
    expect(silent).toEqual({ error: 'no answer about silent yet' })
    expect(behind).toEqual({ error: 'no answer about behind yet' })
    await expect(names.resolve('silent')).rejects.toThrow('no answer about silent yet')
    expect(asked).toEqual(['silent'])
    await answer('silent', ['10.0.0.1'])
    await answer('behind', ['10.0.0.2'])
    expect(await names.resolve('silent')).toEqual(['10.0.0.1'])
    expect(await names.resolve('behind')).toEqual(['10.0.0.2'])
    expect(asked).toEqual(['silent', 'behind'])
    expect(clock.pending).toBe(0)
  })

  it('goes on without a lookup that never ends', async () => {
    for (const host of ['never', 'next']) outcomeOf(names.resolve(host))
    await clock.advance(34_999)
    expect(asked).toEqual(['never'])
    await clock.advance(1)
    expect(asked).toEqual(['never', 'next'])
  })

  it('takes no address for a failure, and spells IPv4 addresses as such', async () => {
    const empty = outcomeOf(names.resolve('empty'))
    await answer('empty', [])
    expect(empty).toEqual({ error: 'empty has no address' })
    const mapped = outcomeOf(names.resolve('mapped'))
    await answer('mapped', ['::ffff:10.0.0.1', '10.0.0.1'])
    expect(mapped).toEqual({ value: ['10.0.0.1'] })
  })

  it('forgets names that nobody waits for when there are very many', async () => {
    for (let name = 0; name < 4_096; name++) {
      outcomeOf(names.resolve(`n${name}`))
      await answer(`n${name}`, ['10.0.0.1'])
    }
    outcomeOf(names.resolve('n0'))
    expect(asked).toHaveLength(4_096)
    outcomeOf(names.resolve('one more'))
    await answer('one more', ['10.0.0.1'])
    outcomeOf(names.resolve('n0'))
    expect(asked.at(-1)).toBe('n0')
  })
})

describe('inTurn', () => {
  it.each([
    [
      ['a::', 'b::', 'c::', '1', '2'],
      ['a::', '1', 'b::', '2', 'c::'],
    ],
    [
      ['1', 'a::', 'b::'],
      ['1', 'a::', 'b::'],
    ],
    [
      ['1', '2', '3'],
      ['1', '2', '3'],
    ],
    [
      ['a::', '1', '2', '3'],
      ['a::', '1', '2', '3'],
    ],
    [[], []],
  ])('puts the families of %j in turn, the first of the resolver first', (addresses, expected) => {
    expect(inTurn(addresses)).toEqual(expected)
  })
})
