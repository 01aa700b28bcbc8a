import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join, sep } from 'node:path'
import { BuildError } from './error.mjs'
import { fingerprint, isCurrent, record } from './fingerprint.mjs'
import { root, tool } from './root.mjs'
import { stripTables } from './strip.mjs'
import { requireCargo } from './toolchain.mjs'

/** `prebuilds/<platform>-<arch>[-musl]/warren.node` and `native/binding.d.ts`, from the Rust sources. */
export function buildAddon({ force = false } = {}) {
  const output = join('prebuilds', prebuildName())
  const stamp = join(root, output, '.fingerprint')
  const sources = fingerprint(['Cargo.toml', 'Cargo.lock', '.cargo', 'native', 'package.json'], isShipped)
  const types = join(root, 'native/binding.d.ts')
  const outputs = [join(root, output, 'warren.node'), types]
  if (!force && isCurrent(stamp, sources, outputs)) return
  requireCargo()
  const built = spawnSync(process.execPath, [tool.napi, ...buildArguments(output)], { cwd: root, stdio: 'inherit' })
  if (built.status !== 0) throw new BuildError('the native addon did not build: see the messages above')
  if (process.platform === 'linux') stripTables(outputs[0])
  writeFileSync(types, withoutDocs(readFileSync(types, 'utf8')))
  record(stamp, sources)
}

/** Types alone: each command stands twice in that file, for both classes, and its doc in Rust and in `lib/generated`. */
export function withoutDocs(types) {
  return types.replace(/^ *\/\*\*[\s\S]*?\*\/\n/gm, '')
}

/** The folder of this machine's binary, as the loader looks for it (lib/addon/prebuilds.ts). */
export function prebuildName() {
  const musl = process.platform === 'linux' && !('RTLD_DEEPBIND' in constants.dlopen)
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`
}

function buildArguments(output) {
  return [
    ...['build', '--release', '--manifest-path', 'native/binding/Cargo.toml', '--package-json-path', 'package.json'],
    ...['--output-dir', output, '--no-js', '--dts', '../../native/binding.d.ts', '--no-const-enum'],
  ]
}

/** Whether what is built depends on a file of `native`. */
export function isShipped(file) {
  return !file.includes(`${sep}tests${sep}`) && !file.endsWith('.d.ts') && !file.includes(`${sep}fuzz${sep}`)
}
