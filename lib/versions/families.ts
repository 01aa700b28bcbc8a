import { Buffer } from 'node:buffer'
import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, listOf, text } from '../arguments/options.js'

/** Place of a protocol among the versions of its family. */
export interface Version {
  /** Name of the family: `ledger` of `ledger/2`; the whole name where the protocol stands alone. */
  readonly family: string
  /** Numbers by which versions of the family are ordered, the most significant first. */
  readonly order: readonly number[]
}

/** Families by name, each with its versions, oldest first. */
export type FamiliesOption = Readonly<Record<string, readonly string[]>>

/**
 * Families of protocols. Names that are equal up to their last `/`, after which a number follows, are versions of one family:
 * `ledger/1`, `ledger/2`, `ledger/2.1`. Any other name stands alone, unless the option `families` says where it belongs.
 */
export class Families {
  readonly #named = new Map<string, Version>()

  constructor(named: FamiliesOption = {}) {
    for (const [family, versions] of Object.entries(named))
      versions.forEach((name, index) => {
        this.#named.set(name, { family, order: [index] })
      })
  }

  /** Place of a protocol among its versions. */
  of(protocol: string): Version {
    const named = this.#named.get(protocol)
    if (named !== undefined) return named
    const [, family, numbers] = VERSIONED.exec(protocol) ?? []
    if (family === undefined || numbers === undefined) return { family: protocol, order: [] }
    return { family, order: numbers.split('.').map(Number) }
  }

  /** Name of the family. */
  nameOf(protocol: string): string {
    return this.of(protocol).family
  }

  /** Whether two protocols are versions of one family. */
  areOne(protocol: string, other: string): boolean {
    return this.nameOf(protocol) === this.nameOf(other)
  }

  /** Whether a protocol is of the same family as another, and an older version. */
  isOlder(protocol: string, than: string): boolean {
    const [one, other] = [this.of(protocol), this.of(than)]
    return one.family === other.family && isBelow(one.order, other.order)
  }
}

/** Names of at most so many whole versions before one, by their numbers, the newest first. */
export function versionsBefore(protocol: string, families: Families, most: number): readonly string[] {
  const [, family, numbers] = VERSIONED.exec(protocol) ?? []
  const newest = numbers === undefined ? 0 : Number(numbers.split('.')[0])
  const numbered = Array.from({ length: Math.min(newest + 1, most) }, (_, back) => `${family}/${newest - back}`)
  return numbered.filter((name) => families.isOlder(name, protocol))
}

/** Check of the option `families`. */
export const families: Check<FamiliesOption> = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(name, 'an object of lists of protocols by the name of their family', value)
  const entries = Object.entries(value).map(
    ([family, versions]) => [family, listOf(text, MOST_VERSIONS)(versions, `${name}.${family}`)] as const,
  )
  const all = entries.flatMap(([, versions]) => versions)
  const twice = all.find((protocol, index) => all.indexOf(protocol) !== index)
  if (twice !== undefined) throw outOfRange(name, 'families that have each protocol once', twice)
  return Object.fromEntries(entries)
}

/** Compares names by their bytes of UTF-8, as Rust does. */
export function compareNames(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

function isBelow(order: readonly number[], than: readonly number[]): boolean {
  for (let index = 0; index < Math.max(order.length, than.length); index++) {
    const [one, other] = [order[index] ?? 0, than[index] ?? 0]
    if (one !== other) return one < other
  }
  return false
}

const VERSIONED = /^(.+)\/(\d{1,9}(?:\.\d{1,9}){0,3})$/s

/** More versions of a family than are alive at once anywhere. */
const MOST_VERSIONS = 64
