import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { commandFiles } from './commands.mjs'
import { figureFiles } from './figures.mjs'
import { limitFiles } from './limits.mjs'
import { recordFiles } from './records.mjs'
import { roomFiles } from './rooms.mjs'
import { root } from './root.mjs'

/** Brings up to date what is written from tables in Rust and from imports. It is committed, so that each change is seen. */
export function writeGenerated() {
  for (const [path, text] of staleFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

/** Those whose text is not what tables and imports say: path from the root, and the text. */
export function staleFiles() {
  return Object.entries({
    ...commandFiles(),
    ...figureFiles(),
    ...limitFiles(),
    ...recordFiles(),
    ...roomFiles(),
  }).filter(([path, text]) => textOf(join(root, path)) !== text)
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8').replaceAll('\r\n', '\n')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
}
