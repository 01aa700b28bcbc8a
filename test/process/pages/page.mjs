// A page of the docs, and its programs, which are run as they stand there.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { codeBlocks } from '../../../scripts/lint/markdown.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const AsyncFunction = (async () => {}).constructor

export class Page {
  constructor(path) {
    this.path = path
    this.text = readFileSync(join(root, path), 'utf8')
    this.programs = codeBlocks(this.text, 'js')
    this.taken = 0
  }

  /** The next program, in the order of the page. */
  next() {
    return this.programs[this.taken++]
  }

  /** Text blocks: what programs print. */
  get promised() {
    return codeBlocks(this.text, 'text')
  }

  get left() {
    return this.programs.slice(this.taken)
  }
}

/** Runs a part of a program, its imports left out, among these names. Resolves when it has run to its end. */
export function run(program, scope) {
  return new AsyncFunction(...Object.keys(scope), program.replace(/^import .*$/gm, ''))(...Object.values(scope))
}

/** Runs a part like `run`, and gives one of its `const`s. */
export function constOf(name, program, scope) {
  return run(`${program}\nreturn ${name}`, scope)
}

/** Runs a whole program in a process of its own, and gives what it printed. It is a file below `folder`, or the root: 'warren' is this package. */
export function runWhole(page, program, { folder = 'target/pages', args = [] } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, fileOf(page, program, folder)], {
    cwd: join(root, folder),
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}

/** Starts a whole program, whose lines can be waited for. It is killed after the test. */
export function startWhole(context, page, program, args, cwd) {
  const child = spawn(process.execPath, [fileOf(page, program, 'target/pages'), ...args], { cwd })
  context.after(() => child.kill('SIGKILL'))
  return new Started(child)
}

function fileOf(page, program, folder) {
  mkdirSync(join(root, folder), { recursive: true })
  const file = join(root, folder, `${basename(page.path, '.md')}-${page.programs.indexOf(program)}.mjs`)
  writeFileSync(file, program)
  return file
}

class Started {
  #lines = []
  #waiting = new Set()

  constructor(child) {
    this.child = child
    this.ended = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => this.#said(line))
  }

  /** The first line, said already or still to come, that the pattern matches; each is given once. */
  async line(pattern) {
    for (;;) {
      const index = this.#lines.findIndex((line) => pattern.test(line))
      if (index >= 0) return pattern.exec(this.#lines.splice(index, 1)[0])
      await new Promise((resolve) => this.#waiting.add(resolve))
    }
  }

  #said(line) {
    this.#lines.push(line)
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
