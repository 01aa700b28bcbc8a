import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { figureFiles } from './figures.mjs'
import { recordFiles } from './records.mjs'
import { root } from './root.mjs'

/** Brings the sources up to date that are written from tables in Rust. They are committed, so that each change is seen. */
export function writeGenerated() {
  for (const [path, text] of staleFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

/** Those whose text is not what the tables say: path from the root, and the text. */
export function staleFiles() {
  return Object.entries({ ...figureFiles(), ...recordFiles() }).filter(
    ([path, text]) => textOf(join(root, path)) !== text,
  )
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8').replaceAll('\r\n', '\n')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
}
