import { compareNames } from './families.js'

/** The lists of one end of a pair, both in one order of preference, best first. */
export interface Lists {
  /** Protocols that it dials with. */
  readonly offer: readonly string[]
  /** Protocols that it takes when it is dialled. */
  readonly accept: readonly string[]
}

/**
 * Ranks of an end's protocols: their places in one order of both lists. The twin of `native/protocols/src/choice.rs`.
 *
 * The order is that of `offer`. A name that is only accepted stands before the first name of `offer` that follows it among those
 * accepted, else at the end.
 */
export function ranksOf({ offer, accept }: Lists): ReadonlyMap<string, number> {
  const before = new Map<string, string[]>()
  let run: string[] = []
  for (const name of accept) {
    if (!offer.includes(name)) run.push(name)
    else if (run.length > 0) {
      before.set(name, [...(before.get(name) ?? []), ...run])
      run = []
    }
  }
  const order = [...offer.flatMap((name) => [...(before.get(name) ?? []), name]), ...run]
  return new Map([...new Set(order)].map((name, rank) => [name, rank]))
}

/** Protocols that a pair has in common: one end offers them, and the other one accepts them. */
export function commonOf(mine: Lists, theirs: Lists): readonly string[] {
  const [ours, their] = [new Set(mine.accept), new Set(theirs.accept)]
  return [
    ...mine.offer.filter((name) => their.has(name)),
    ...theirs.offer.filter((name) => ours.has(name) && !(their.has(name) && mine.offer.includes(name))),
  ]
}

/**
 * The protocol that a pair speaks: of those in common, and eligible, the one with the least sum of its ranks at both ends; of equals
 * the first by the bytes of its name. Both ends compute the same, whoever dials.
 */
export function choose(mine: Lists, theirs: Lists, isEligible?: (name: string) => boolean): string | undefined {
  const [ours, their] = [ranksOf(mine), ranksOf(theirs)]
  let best: { readonly name: string; readonly sum: number } | undefined
  for (const name of commonOf(mine, theirs)) {
    if (isEligible?.(name) === false) continue
    const sum = (ours.get(name) ?? 0) + (their.get(name) ?? 0)
    const isBetter = best === undefined || sum < best.sum || (sum === best.sum && compareNames(name, best.name) < 0)
    if (isBetter) best = { name, sum }
  }
  return best?.name
}
