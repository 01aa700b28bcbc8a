import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesUnder } from '../build/fingerprint.mjs'
import { work } from './tools.mjs'

/**
 * Results of the steps of a rehearsal, by the inputs of each: a run that was broken off, or a second one, does not do again what
 * was done. A step that failed is done again.
 */
export class Done {
  #folder

  constructor(folder = join(work, 'done')) {
    this.#folder = folder
  }

  /** The kept result of a step for these inputs, or `undefined`. */
  result(step, inputs) {
    const file = this.#file(step)
    if (!existsSync(file)) return undefined
    const kept = JSON.parse(readFileSync(file, 'utf8'))
    return kept.inputs === inputs ? kept.result : undefined
  }

  /** Keeps the result of a step that succeeded. */
  keep(step, inputs, result) {
    const file = this.#file(step)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify({ step, inputs, result }))
    return result
  }

  /** The kept result, or that of `act`, which is kept unless `isFailure` says that it is one. */
  async once(step, inputs, act, isFailure = () => false) {
    const kept = this.result(step, inputs)
    if (kept !== undefined) {
      console.log(`${step}: as before`)
      return kept
    }
    const result = await act()
    return isFailure(result) ? result : this.keep(step, inputs, result)
  }

  #file(step) {
    return join(this.#folder, `${step.replaceAll(/[^\w.-]+/g, '_')}.json`)
  }
}

/** SHA-256 over what a step depends on: texts, and absolute paths of files or folders. */
export function digest(texts, paths) {
  const hash = createHash('sha256').update(JSON.stringify([process.version, ...texts]))
  for (const path of paths)
    for (const file of filesUnder(path)) hash.update(`\0${relative(path, file)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

/**
 * The same over an unpacked package: all of it but its version, as each rehearsal has its own; or its library, its docs and the
 * addon of one target.
 */
export function digestOfPackage(folder, target = undefined) {
  const { version, ...manifest } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const parts = target === undefined ? readdirSync(folder) : ['dist', 'docs', `prebuilds/${target}`]
  const paths = parts.filter((name) => name !== 'package.json').sort()
  return digest(
    [manifest],
    paths.map((name) => join(folder, name)),
  )
}
