import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { root } from '../build/root.mjs'
import { codeBlocks } from '../lint/markdown.mjs'
import { call, npm } from './tools.mjs'

/** An empty project of a user's, outside of every other one, with the README's first program in it; `registry` is npm's own where undefined. */
export function emptyProject(registry) {
  const folder = mkdtempSync(join(tmpdir(), 'warren-user-'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', version: '1.0.0', private: true }))
  if (registry !== undefined) writeFileSync(join(folder, '.npmrc'), `registry=${registry}\n`)
  writeFileSync(join(folder, 'first.mjs'), firstProgram().code)
  return folder
}

/** Installs a tarball into an empty project and runs the README's first program there. */
export function tryTarball(tarball) {
  const folder = emptyProject(undefined)
  try {
    npm(['install', '--offline', '--no-audit', '--no-fund', resolve(tarball)], { cwd: folder })
    runFirstProgram(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs the README's first program in a project, and compares what it prints with what the README says. */
export function runFirstProgram(folder, [command, ...args] = [process.execPath]) {
  const printed = call(command, [...args, 'first.mjs'], { cwd: folder, limit: 600 })
  const { output } = firstProgram()
  if (printed !== output) throw new BuildError(`first.mjs prints\n${printed}and the README says\n${output}`)
}

function firstProgram() {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf('\n## Use\n'))
  return { code: codeBlocks(section, 'js')[0], output: codeBlocks(section, 'text')[0] }
}
