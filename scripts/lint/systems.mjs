// Type-checks what ships for macOS and Windows, tests included, with no warning: `node scripts/lint/systems.mjs [triple …]`.
// Nothing is linked, so a stand-in for the C compiler that the crypto crate's build script calls is enough: it makes empty files.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from '../build/root.mjs'

/** One of each system: the sources know no difference between processors. */
const SYSTEMS = ['aarch64-apple-darwin', 'x86_64-pc-windows-msvc']

const folder = join(root, 'target/systems')
const standIn = join(folder, 'clang')
mkdirSync(folder, { recursive: true })
writeFileSync(
  standIn,
  `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -o) shift; out=$1 ;;
    -out:* | /out:*) out=\${1#?out:} ;;
    -Fo* | /Fo*) out=\${1#?Fo} ;;
    *.a | *.lib) out=\${out:-$1} ;;
  esac
  shift
done
[ -z "$out" ] || : > "$out"
`,
  { mode: 0o755 },
)

for (const triple of process.argv.length > 2 ? process.argv.slice(2) : SYSTEMS) {
  run('rustup', ['target', 'add', triple])
  run(
    'cargo',
    ['check', '--quiet', '--tests', '--package', 'warren-io', '--package', 'warren-binding', '--target', triple],
    {
      [`CC_${triple.replaceAll('-', '_')}`]: standIn,
      [`AR_${triple.replaceAll('-', '_')}`]: standIn,
      PATH: [folder, process.env.PATH].join(delimiter),
      RUSTFLAGS: '-D warnings',
      CARGO_TARGET_DIR: join(folder, 'cargo'),
    },
  )
  console.log(`${triple}: no warnings`)
}

function run(command, args, variables = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...variables } })
  if (status !== 0) process.exit(1)
}
