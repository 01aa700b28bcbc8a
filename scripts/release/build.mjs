import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isShipped } from '../build/addon.mjs'
import { fingerprint, isCurrent, record } from '../build/fingerprint.mjs'
import { root, tool } from '../build/root.mjs'
import { stripDebug } from '../build/strip.mjs'
import { targets } from './targets.mjs'
import { call, withoutPaths, work, zigVariables } from './tools.mjs'
import { mingwVariables } from './windows.mjs'

/** The file of one target: `prebuilds/<name>/warren.node` of the release's own folder. */
export function addonFile(name) {
  return join(work, 'prebuilds', name, 'warren.node')
}

/**
 * Builds one target into `addonFile(name)`. On Linux all but Windows goes through zig, so that the C library asked for is the
 * oldest that is promised and not that of this machine; Windows is built there as its stand-in. On macOS and Windows the
 * system's own tools do it. What is current is left alone.
 */
export function buildTarget(name) {
  const { libc, floor, format, standIn } = targets[name]
  const triple = tripleBuilt(name)
  const onLinux = process.platform === 'linux'
  const zig = onLinux && standIn === undefined
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
    ...(onLinux && standIn !== undefined ? mingwVariables() : {}),
    ...(format === 'mach-o' ? { MACOSX_DEPLOYMENT_TARGET: floor } : {}),
    RUSTFLAGS: flags.join(' '),
    // Of its own, so that two targets can be built side by side.
    CARGO_TARGET_DIR: join(work, 'cargo', name),
    CARGO_PROFILE_RELEASE_STRIP: onLinux ? 'none' : 'debuginfo',
  }
  call(process.execPath, [tool.napi, ...args], { cwd: root, env, limit: 3_600 })
  rmSync(join(output, 'binding.d.ts'), { force: true })
  if (onLinux) stripDebug(addonFile(name), format)
  record(stamp, sources)
}

/** Rust's name of what `buildTarget` builds for a target on this machine. */
export function tripleBuilt(name) {
  const { triple, standIn } = targets[name]
  return process.platform === 'linux' ? (standIn ?? triple) : triple
}

const SOURCES = [
  'Cargo.toml',
  'Cargo.lock',
  'native',
  'scripts/build/strip.mjs',
  'scripts/release/build.mjs',
  'scripts/release/tools.mjs',
]
