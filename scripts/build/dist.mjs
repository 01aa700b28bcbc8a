import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BuildError } from './error.mjs'
import { filesUnder, fingerprint, isCurrent, record } from './fingerprint.mjs'
import { root, tool } from './root.mjs'
import { esmWrapper } from './wrapper.mjs'

const SHARED = ['tsconfig.json', 'package-lock.json', 'scripts/build']

/** `dist` from `lib`: CommonJS with declarations, and the ESM entry that re-exports it by name. */
export function buildLibrary({ force = false } = {}) {
  const sources = fingerprint([...SHARED, 'lib', 'native/binding.d.ts', 'tsconfig.build.json'])
  const stamp = join(root, 'dist/.fingerprint')
  if (!existsSync(join(root, 'lib/index.ts'))) throw new BuildError('lib/index.ts is missing')
  if (
    !force &&
    isCurrent(
      stamp,
      sources,
      ['index.js', 'index.mjs'].map((name) => join(root, 'dist', name)),
    )
  )
    return
  compile('tsconfig.build.json')
  const wrapper = esmWrapper(readFileSync(join(root, 'lib/index.ts'), 'utf8'))
  writeFileSync(join(root, 'dist/index.mjs'), wrapper.code)
  writeFileSync(join(root, 'dist/index.d.mts'), wrapper.types)
  removeOrphans('lib', 'dist', ['index.mjs', 'index.d.mts'])
  record(stamp, sources)
}

/** `dist/<folder>` from the programs in `folder`, which import the package by its public name. */
export function buildPrograms(folder, { force = false } = {}) {
  if (!filesUnder(join(root, folder)).some((file) => /\.m?ts$/.test(file))) return
  const sources = fingerprint([...SHARED, folder, 'dist/index.d.ts', 'dist/.fingerprint'])
  const stamp = join(root, 'dist', folder, '.fingerprint')
  if (!force && isCurrent(stamp, sources, [])) return
  compile(`${folder}/tsconfig.json`)
  removeOrphans(folder, join('dist', folder), [])
  record(stamp, sources)
}

function compile(project) {
  const compiled = spawnSync(process.execPath, [tool.tsc, '-p', project], { cwd: root, stdio: 'inherit' })
  if (compiled.status !== 0) throw new BuildError(`${project} did not compile: see the messages above`)
}

/** A source that is gone must not live on in what is shipped. */
function removeOrphans(from, to, generated) {
  for (const file of filesUnder(join(root, to))) {
    const name = relative(join(root, to), file)
    if (to === 'dist' && /^(examples|bench)[\\/]/.test(name)) continue
    const match = /^(.*?)(?:\.d)?\.(m?)[jt]s$/.exec(name)
    if (match === null || generated.includes(name)) continue
    if (!existsSync(join(root, from, `${match[1]}.${match[2]}ts`))) rmSync(file)
  }
}
