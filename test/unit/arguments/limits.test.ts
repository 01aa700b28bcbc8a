import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { DEFAULT_LIMITS } from '../../../lib/arguments/limits.js'

const DOCUMENT = readFileSync(join(__dirname, '../../../docs/design/security.md'), 'utf8')

describe('limits', () => {
  it.each(Object.entries(DEFAULT_LIMITS))('documents the default of %s', (name, value) => {
    const row = new RegExp(`^\\| \`${name}\` \\| ([\\d,]+)( MiB)?`, 'm').exec(DOCUMENT)
    expect(Number(row?.[1]?.replaceAll(',', '')) * (row?.[2] === undefined ? 1 : 2 ** 20)).toBe(value)
  })
})
