import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { choose, commonOf, type Lists, ranksOf } from '../../../lib/versions/choice.js'

interface Vector {
  readonly one: Lists
  readonly other: Lists
  readonly asked: readonly string[] | null
  readonly chosen: string | null
}

const NAMES = ['p/1', 'p/2', 'p/3']

/** Every list of some of the names, in every order. */
function permutations(names: readonly string[]): string[][] {
  return [
    [],
    ...names.flatMap((name) => permutations(names.filter((other) => other !== name)).map((rest) => [name, ...rest])),
  ]
}

function subsets(names: readonly string[]): string[][] {
  const [first, ...rest] = names
  if (first === undefined) return [[]]
  return subsets(rest).flatMap((subset) => [subset, [first, ...subset]])
}

/** Every pair of lists that follow one order of preference. */
const ALL: readonly Lists[] = Array.from(
  new Map(
    permutations(NAMES)
      .filter((order) => order.length === NAMES.length)
      .flatMap((order) => subsets(order).flatMap((offer) => subsets(order).map((accept): Lists => ({ offer, accept }))))
      .map((lists) => [JSON.stringify(lists), lists]),
  ).values(),
)

/** The rule in words: of the orders that both lists follow, the one in which an offer goes first where neither list says. */
function modelRanks({ offer, accept }: Lists): Map<string, number> {
  const names = [...new Set([...offer, ...accept])]
  const isBefore = (one: string, other: string): boolean =>
    [offer, accept].some(
      (list) => list.includes(one) && list.includes(other) && list.indexOf(one) < list.indexOf(other),
    )
  const order: string[] = []
  while (order.length < names.length) {
    const free = names.filter(
      (name) => !order.includes(name) && !names.some((other) => !order.includes(other) && isBefore(other, name)),
    )
    order.push(free.find((name) => offer.includes(name)) ?? (free[0] as string))
  }
  return new Map(order.map((name, rank) => [name, rank]))
}

function modelChoice(mine: Lists, theirs: Lists): string | undefined {
  const [ours, their] = [modelRanks(mine), modelRanks(theirs)]
  return NAMES.filter(
    (name) =>
      (mine.offer.includes(name) && theirs.accept.includes(name)) ||
      (theirs.offer.includes(name) && mine.accept.includes(name)),
  )
    .sort()
    .sort((one, other) => sum(one) - sum(other))[0]

  function sum(name: string): number {
    return (ours.get(name) as number) + (their.get(name) as number)
  }
}

describe('choose', () => {
  it('is the model over all lists of three names, from both ends', () => {
    expect(ALL.length).toBe(184)
    for (const mine of ALL)
      for (const theirs of ALL) {
        const chosen = choose(mine, theirs)
        if (chosen !== modelChoice(mine, theirs) || chosen !== choose(theirs, mine))
          throw new Error(
            `${JSON.stringify([mine, theirs])}: ${chosen}, ${choose(theirs, mine)}, ${modelChoice(mine, theirs)}`,
          )
      }
  })

  it('is that of the engine, by the choices that are frozen', () => {
    const file = readFileSync(join(__dirname, '../../vectors/choice.json'), 'utf8')
    const vectors = (JSON.parse(file) as Vector[]).filter(({ asked }) => asked === null)
    expect(vectors.length).toBeGreaterThan(100)
    const wrong = vectors.filter(({ one, other, chosen }) => (choose(one, other) ?? null) !== chosen)
    expect(wrong).toEqual([])
  })

  it('is the rule of before where an end offers what it accepts', () => {
    const before = (offered: readonly string[], accepted: readonly string[]): string | undefined =>
      offered
        .filter((name) => accepted.includes(name))
        .sort()
        .sort((one, other) => sum(one) - sum(other))[0]
    const lists = permutations(NAMES)
    let mine: readonly string[] = []
    let theirs: readonly string[] = []
    const sum = (name: string): number => mine.indexOf(name) + theirs.indexOf(name)
    for (mine of lists)
      for (theirs of lists)
        expect(choose({ offer: mine, accept: mine }, { offer: theirs, accept: theirs })).toBe(before(mine, theirs))
  })

  it('gives ranks to contradictory lists as well, each name once', () => {
    expect([...ranksOf({ offer: ['a', 'b'], accept: ['b', 'a'] })]).toEqual([
      ['a', 0],
      ['b', 1],
    ])
    expect([...ranksOf({ offer: ['a', 'b'], accept: ['b', 'c', 'a'] }).keys()]).toEqual(['c', 'a', 'b'])
    expect([...ranksOf({ offer: ['a', 'a'], accept: [] })]).toEqual([['a', 0]])
  })

  it('chooses among those that are asked for alone', () => {
    const lists = { offer: ['a', 'b'], accept: ['a', 'b'] }
    expect(choose(lists, lists, (name) => name !== 'a')).toBe('b')
    expect(choose(lists, lists, () => false)).toBeUndefined()
  })

  it('has in common what one end offers and the other accepts, each once', () => {
    expect(commonOf({ offer: ['a', 'b'], accept: ['c'] }, { offer: ['c', 'd'], accept: ['b', 'c'] })).toEqual([
      'b',
      'c',
    ])
    expect(commonOf({ offer: ['a'], accept: ['a'] }, { offer: ['a'], accept: ['a'] })).toEqual(['a'])
  })

  it('prefers the first by its bytes where sums are equal', () => {
    // U+FF5E goes before U+1F600 by its bytes, and after it by units of UTF-16.
    const [one, other] = ['p/\u{1F600}', 'p/\uFF5E']
    expect(choose({ offer: [one, other], accept: [] }, { offer: [], accept: [other, one] })).toBe(other)
  })
})
