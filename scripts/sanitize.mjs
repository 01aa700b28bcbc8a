// Runs the tests of the crates with `unsafe` of their own under AddressSanitizer: `npm run sanitize`. Linux on x86-64 and arm64.
// The fuzz targets run under it as well: `npm run fuzz -- <target> <seconds> --sanitizer address`.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './build/root.mjs'

const target = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`
const crates = ['warren-io', 'warren-wireguard']
// Virtual days touch no other memory than virtual minutes, and take ten times as long here.
const long = ['storm', 'days_of', 'hundred', 'chaos', 'healing']

const { status } = spawnSync(
  'cargo',
  [
    ...['test', '--target', target, '--lib', '--tests', '--target-dir', join(root, 'target/sanitize')],
    ...crates.flatMap((crate) => ['--package', crate]),
    ...['--', ...long.flatMap((name) => ['--skip', name])],
  ],
  // Sanitizers are not on stable Rust; the code is the same.
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, RUSTC_BOOTSTRAP: '1', RUSTFLAGS: '-Zsanitizer=address', ASAN_OPTIONS: 'detect_leaks=1' },
  },
)
process.exitCode = status ?? 1
