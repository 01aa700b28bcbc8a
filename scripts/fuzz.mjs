// Runs a fuzz target: `npm run fuzz -- <target> <seconds> [--sanitizer address] [arguments of libFuzzer]`.
// What it finds goes to target/fuzz/: new inputs to corpus/<target>/, inputs that break a promise to artifacts/<target>/.
// `npm run fuzz -- minimise <target>` merges what is worth keeping into native/fuzz/corpus/<target>/.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './build/root.mjs'

const folder = join(root, 'native/fuzz')
const targets = readdirSync(join(folder, 'corpus')).sort()
const [first, second, ...rest] = process.argv.slice(2)
const minimise = first === 'minimise'
const target = minimise ? second : first
const seconds = Number(second ?? 60)
if (!targets.includes(target) || !(minimise || seconds > 0)) {
  fail(`usage: npm run fuzz -- <target> <seconds>\ntargets: ${targets.join(', ')}`)
}
if (spawnSync('cargo', ['fuzz', '--version']).status !== 0) {
  fail('cargo-fuzz is missing: cargo install cargo-fuzz --locked')
}

// libFuzzer gets every input in one process, so a leak detector would watch the fuzzer.
const sanitizerAt = rest.indexOf('--sanitizer')
const [, sanitizer = 'none'] = sanitizerAt < 0 ? [] : rest.splice(sanitizerAt, 2)
const found = join(root, 'target/fuzz/corpus', target)
const artifacts = join(root, 'target/fuzz/artifacts', target)
const kept = join(folder, 'corpus', target)
for (const path of [found, artifacts]) mkdirSync(path, { recursive: true })

const cargo = ['fuzz', 'run', target, '--fuzz-dir', join(folder, 'libfuzzer'), '--sanitizer', sanitizer]
const corpora = minimise ? ['-merge=1', kept, found] : [found, kept, `-max_total_time=${seconds}`]
const libFuzzer = [
  `-artifact_prefix=${artifacts}/`,
  '-timeout=30',
  '-rss_limit_mb=2048',
  '-print_final_stats=1',
  ...rest,
]
const env = {
  ...process.env,
  // The instrumentation that steers libFuzzer is not on stable Rust; the code is the same.
  RUSTC_BOOTSTRAP: '1',
  // That which counts steps is: native/fuzz/src/meter.rs.
  RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -Cinstrument-coverage --cfg warren_count_steps`,
  LLVM_PROFILE_FILE: '/dev/null',
}
const { status } = spawnSync(
  'cargo',
  [...cargo, '--target-dir', join(root, 'target/fuzz/build'), '--', ...corpora, ...libFuzzer],
  { cwd: folder, stdio: 'inherit', env },
)
process.exitCode = status ?? 1

function fail(message) {
  console.error(message)
  process.exit(2)
}
