import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { root } from './root.mjs'

/** SHA-256 over the names and contents of `paths` (files or folders, from the root), folders filtered by `keep`. */
export function fingerprint(paths, keep = () => true) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const path of paths) {
    for (const file of filesUnder(join(root, path)).filter(keep)) {
      hash.update(`\0${relative(root, file).split(sep).join('/')}\0`).update(readFileSync(file))
    }
  }
  return hash.digest('hex')
}

/** All files at or under an absolute path, sorted; nothing if it does not exist. */
export function filesUnder(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .filter((name) => name !== 'node_modules' && name !== 'target')
    .flatMap((name) => filesUnder(join(path, name)))
}

/** Whether `stamp` (an absolute path) records `value` and every file of `outputs` is there. */
export function isCurrent(stamp, value, outputs) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value && outputs.every((output) => existsSync(output))
}

export function record(stamp, value) {
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, value)
}
