// Runs what there is of `unsafe` under what would notice: `npm run sanitize`. Linux on x86-64 and arm64.
// 1. The tests of the crates with `unsafe` of their own under AddressSanitizer, leaks included.
// 2. The tests of that `unsafe` alone under Miri, where nightly Rust has it.
// The fuzz targets run under AddressSanitizer as well: `npm run fuzz -- <target> <seconds> --sanitizer address`.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './build/root.mjs'

const target = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`
const crates = ['warren-io', 'warren-wireguard']
// Virtual days touch no other memory than virtual minutes, and take ten times as long here.
const long = ['storm', 'days_of', 'hundred', 'chaos', 'healing']
// Miri knows neither the system calls nor the assembly of `ring`: these tests need neither.
const withoutSystem = [
  ['warren-io', 'socket::linux'],
  ['warren-wireguard', 'tunnel::wiped'],
]

let failed = run(
  [
    ...['test', '--target', target, '--lib', '--tests', '--target-dir', join(root, 'target/sanitize')],
    ...crates.flatMap((crate) => ['--package', crate]),
    ...['--', ...long.flatMap((name) => ['--skip', name])],
  ],
  // Sanitizers are not on stable Rust; the code is the same.
  { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: '-Zsanitizer=address', ASAN_OPTIONS: 'detect_leaks=1' },
)
if (spawnSync('cargo', ['+nightly', 'miri', '--version']).status !== 0) {
  console.log('skipped: Miri (rustup toolchain install nightly --component miri,rust-src)')
} else {
  for (const [crate, tests] of withoutSystem) {
    // boringtun reads the wall clock.
    const flags = { MIRIFLAGS: '-Zmiri-disable-isolation' }
    const miri = ['+nightly', 'miri', 'test', '--target-dir', join(root, 'target/miri')]
    failed = run([...miri, '--package', crate, '--lib', tests], flags) || failed
  }
}
process.exitCode = failed ? 1 : 0

function run(cargo, variables) {
  const { status } = spawnSync('cargo', cargo, { cwd: root, stdio: 'inherit', env: { ...process.env, ...variables } })
  return status !== 0
}
