import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answer, bandwidthTable, limitsTable, penaltyTable, repeatLine, shortTable } from './document-tables.js'
import { FiguresOf } from './figures-of.js'
import { plots } from './plots.js'
import type { SuiteResult } from './result.js'
import { preface, table } from './table.js'

/** Writes what a run says into the documents under `root`, between markers `<!-- bench:name -->`, and draws the plots. */
export function writeDocuments(root: string, result: SuiteResult): void {
  const figures = new FiguresOf(result)
  const blocks: Readonly<Record<string, string>> = {
    machine: repeatLine(result),
    answer: answer(figures),
    short: shortTable(figures),
    'penalty-loopback': penaltyTable(figures, 'loopback'),
    'penalty-veth': penaltyTable(figures, 'veth'),
    bandwidth: bandwidthTable(figures),
    limits: limitsTable(figures),
    all: `\`\`\`text\n${preface(result)}${result.loads.map(table).join('')}\`\`\``,
  }
  for (const file of ['README.md', 'docs/performance.md']) {
    const path = join(root, file)
    writeFileSync(path, filled(readFileSync(path, 'utf8'), blocks))
  }
  drawPlots(join(root, 'docs'), result)
}

export function drawPlots(directory: string, result: SuiteResult): void {
  for (const [name, drawing] of Object.entries(plots(result))) writeFileSync(join(directory, name), drawing)
}

/** The text with each block between its markers; a marker that has no block is an error. */
export function filled(text: string, blocks: Readonly<Record<string, string>>): string {
  return text.replace(BLOCK, (_, name: string) => {
    const block = blocks[name]
    if (block === undefined) throw new Error(`there is no block "${name}" of figures`)
    return `<!-- bench:${name} -->\n${block}\n<!-- /bench:${name} -->`
  })
}

const BLOCK = /<!-- bench:([\w-]+) -->[\s\S]*?<!-- \/bench:\1 -->/g
