// The build before lists of protocols could change, from this repository's history: a peer that knows nothing of them.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prebuildName } from '../../scripts/build/addon.mjs'
import { root } from '../../scripts/build/root.mjs'

/** The commit, or undefined where the history does not reach it. */
export function previousCommit() {
  const added = git('log', '--diff-filter=A', '--format=%H', '--', FIRST_FILE)?.trim().split('\n').at(-1)
  if (added === undefined || added === '') return undefined
  return git('rev-parse', '--verify', '--quiet', `${added}^`)?.trim()
}

/**
 * Builds it by its own lockfiles, once, under `target/previous/<commit>`; the URL of its package. Nothing that was compiled is shared with
 * this build: to cargo a crate at the same place of another workspace is the same one, and its files are older than what was made of ours.
 */
export function buildPrevious(commit) {
  const folder = join(root, 'target/previous', commit)
  const done = join(folder, '.built')
  const url = pathToFileURL(join(folder, 'dist/index.mjs')).href
  if (existsSync(done)) return url
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const archive = join(root, 'target/previous', `${commit}.tar`)
  run('git', ['archive', '--output', archive, commit], root)
  run('tar', ['-xf', archive, '-C', folder], root)
  rmSync(archive)
  const target = join(folder, 'target')
  run('cargo', ['build', '--locked', '--package', 'warren-binding', '--target-dir', target], folder)
  mkdirSync(join(folder, 'prebuilds', prebuildName()), { recursive: true })
  copyFileSync(join(target, 'debug', LIBRARY), join(folder, 'prebuilds', prebuildName(), 'warren.node'))
  installTools(folder)
  const build = "import('./scripts/build/dist.mjs').then(({ buildLibrary }) => buildLibrary())"
  run(process.execPath, ['--input-type=module', '--eval', build], folder)
  writeFileSync(done, '')
  return url
}

/** Those that are here, where its lockfile asks for the same. */
function installTools(folder) {
  const lockfile = (of) => readFileSync(join(of, 'package-lock.json'), 'utf8')
  if (lockfile(folder) === lockfile(root))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  else run('npm', ['ci', '--ignore-scripts'], folder)
}

function git(...args) {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout : undefined
}

function run(command, args, cwd) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: command === 'npm',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? `${stdout}${stderr}`}`)
}

/** The first commit of what changes lists added this file. */
const FIRST_FILE = 'native/quic/src/lists.rs'

/** What cargo calls a library of C's on this system. */
const LIBRARY =
  { win32: 'warren_binding.dll', darwin: 'libwarren_binding.dylib' }[process.platform] ?? 'libwarren_binding.so'
