import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS } from '../../../lib/arguments/limits.js'

const read = (path: string) => readFileSync(join(__dirname, '../../..', path), 'utf8')

/** A number with its unit, as documents spell it. */
const NUMBER = '([\\d,]+)( MiB)?'

/** The places that tell a limit's default, and how: from the limit's name on. */
const PLACES: readonly (readonly [path: string, row: (limit: string) => string])[] = [
  ['docs/design/security.md', (limit) => `^\\| \`${limit}\` \\| ${NUMBER}`],
  ['docs/api.md', (limit) => `^\\| \`${limit}\` \\| ${NUMBER} \\|`],
  ['lib/arguments/limits.ts', (limit) => `Default ${NUMBER}(?:(?!\\*/)[^])*\\*/\\n  readonly ${limit}: number$`],
]

describe('limits', () => {
  describe.each(PLACES)('in %s', (path, row) => {
    const text = read(path)
    const told = Object.entries(DEFAULT_LIMITS).filter(
      ([limit]) => limit !== 'peersPerAddress' || path.includes('design'),
    )
    it.each(told)('%s has its default', (limit, value) => {
      const [, count = '', unit] = new RegExp(row(limit), 'm').exec(text) ?? []
      expect(Number(count.replaceAll(',', '')) * (unit === undefined ? 1 : 2 ** 20)).toBe(value)
    })
  })

  it('has a quarter of the peers from one address where nothing is said', () => {
    expect(DEFAULT_LIMITS.peersPerAddress).toBe(DEFAULT_LIMITS.peers / 4)
    for (const path of ['docs/api.md', 'lib/arguments/limits.ts']) expect(read(path)).toMatch(/a quarter of `peers`/)
  })
})
