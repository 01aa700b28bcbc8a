import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { bandwidthTable, limitsTable, penaltyTable, shortTable } from '../../../bench/suite/document-tables.js'
import { filled } from '../../../bench/suite/documents.js'
import { FiguresOf } from '../../../bench/suite/figures-of.js'
import { plots } from '../../../bench/suite/plots.js'
import { preface, table } from '../../../bench/suite/table.js'
import { run } from './suite-figures'

const result = run({ warren: [4, 5, 6], 'node:net': [40, 50, 60] })
const figures = new FiguresOf(result)

describe('the table of the benchmark', () => {
  test('has each figure with its spread, and what warren is of it in the same round', () => {
    expect(table(result.loads[0] as never)).toMatch(/^node:net +50\.0 \(40\.0–60\.0\) +0\.100 \(0\.100–0\.100\)$/m)
  })

  test('marks what was measured beside other work', () => {
    const rows = [{ subject: 'warren', values: { goodput: [1] }, disturbed: 2 }]
    expect(table(run({}, { rows }).loads[0] as never)).toMatch(/^warren \*2 /m)
  })

  test('says what is missing, and why', () => {
    expect(preface(result)).toContain('left out: boringtun-cli: no network')
    expect(table(run({}).loads[0] as never)).toContain('nothing was measured')
  })
})

describe('the documents of the benchmark', () => {
  test('give each figure beside the kernel’s', () => {
    expect(penaltyTable(figures, 'loopback')).toContain('| **warren** | 5.00 (0.10 ×) |')
    expect(shortTable(figures)).toContain(
      '| one stream, loopback | 5.00 Gbit/s | 0.10 × the kernel’s TCP (`node:net`) (50.0) |',
    )
  })

  test('leave out what was not measured', () => {
    for (const text of [bandwidthTable(figures), limitsTable(figures), penaltyTable(figures, 'veth')]) {
      expect(text).not.toMatch(/NaN|undefined|Infinity/)
    }
  })

  test('are written between their markers alone', () => {
    const text = 'before\n<!-- bench:all -->\nold\n<!-- /bench:all -->\nafter'
    expect(filled(text, { all: 'new' })).toBe('before\n<!-- bench:all -->\nnew\n<!-- /bench:all -->\nafter')
    expect(() => filled(text, {})).toThrow('there is no block "all" of figures')
  })

  test.each(['README.md', 'docs/performance.md'])('%s has markers', (file) => {
    const text = readFileSync(join(__dirname, '../../..', file), 'utf8')
    expect(text).toMatch(/<!-- bench:machine -->[\s\S]*<!-- \/bench:machine -->/)
  })
})

describe('the plots of the benchmark', () => {
  const drawn = Object.values(plots(result))

  test('are well-formed, whatever a machine is called', () => {
    for (const drawing of drawn) {
      expect(drawing).not.toMatch(/NaN|undefined|Infinity|B <C>/)
      expect(drawing.match(/<g /g) ?? []).toHaveLength((drawing.match(/<\/g>/g) ?? []).length)
    }
  })

  test('mark each subject where its figure is', () => {
    const [x1, x2] = Array.from(drawn[0]?.matchAll(/<circle cx="([\d.]+)"/g) ?? [], ([, x]) => Number(x))
    expect(x1).toBeLessThan(x2 as number)
    expect(drawn[0]).toContain('<title>warren: 5.00 (4.00–6.00)</title>')
  })
})
