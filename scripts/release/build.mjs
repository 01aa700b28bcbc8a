import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isShipped } from '../build/addon.mjs'
import { fingerprint, isCurrent, record } from '../build/fingerprint.mjs'
import { root, tool } from '../build/root.mjs'
import { targets } from './targets.mjs'
import { call, stripDebug, withoutPaths, work, zigVariables } from './tools.mjs'

/** The file of one target: `prebuilds/<name>/warren.node` of the release's own folder. */
export function addonFile(name) {
  return join(work, 'prebuilds', name, 'warren.node')
}

/**
 * Builds one target into `addonFile(name)`. On Linux all but Windows goes through zig, so that the C library asked for is the
 * oldest that is promised and not that of this machine; on macOS and Windows the system's own tools do it. What is current
 * is left alone.
 */
export function buildTarget(name) {
  const { triple, libc, floor, format } = targets[name]
  const zig = process.platform === 'linux'
  const output = join(work, 'prebuilds', name)
  const stamp = join(output, '.fingerprint')
  const sources = fingerprint(SOURCES, isShipped)
  if (isCurrent(stamp, sources, [addonFile(name)])) return
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  call('rustup', ['target', 'add', triple])
  const flags = [...withoutPaths(), ...(format === 'pe' ? ['-C', 'target-feature=+crt-static'] : [])]
  const args = [
    ...['build', '--release', ...(zig ? ['-x'] : []), '--target', libc === 'glibc' ? `${triple}.${floor}` : triple],
    ...['--manifest-path', 'native/binding/Cargo.toml', '--package-json-path', 'package.json'],
    ...['--output-dir', output, '--no-js', '--dts', 'binding.d.ts', '--no-const-enum'],
  ]
  const env = {
    ...(zig ? zigVariables() : {}),
    ...(format === 'mach-o' ? { MACOSX_DEPLOYMENT_TARGET: floor } : {}),
    RUSTFLAGS: flags.join(' '),
    // Of its own, so that two targets can be built side by side.
    CARGO_TARGET_DIR: join(work, 'cargo', name),
    CARGO_PROFILE_RELEASE_STRIP: zig ? 'none' : 'debuginfo',
  }
  call(process.execPath, [tool.napi, ...args], { cwd: root, env, limit: 3_600 })
  rmSync(join(output, 'binding.d.ts'), { force: true })
  if (zig) stripDebug(addonFile(name))
  record(stamp, sources)
}

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'native', 'scripts/release/build.mjs', 'scripts/release/tools.mjs']
