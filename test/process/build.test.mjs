// What a fresh checkout meets: the build's own messages.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { esmWrapper } from '../../scripts/build/wrapper.mjs'

const build = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))
const posix = { skip: process.platform === 'win32' }

test('without cargo the build ends in one line that says what to install', posix, () => {
  const { status, stderr, stdout } = buildWith('')
  assert.equal(status, 1)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^warren: building the native addon needs Rust 1\.\d+ or newer, and no cargo was found: install it from .*\n$/,
  )
})

test('an old cargo ends the build in one line as well', posix, () => {
  const { status, stderr } = buildWith("echo 'cargo 1.60.0 (d1fd9fe 2022-03-01)'")
  assert.equal(status, 1)
  assert.match(stderr, /^warren: .*cargo 1\.60 is too old: .*rustup update stable.*\n$/)
})

test('what is current is not built again', () => {
  const run = () => spawnSync(process.execPath, [build], { encoding: 'utf8' })
  assert.equal(run().status, 0)
  const began = performance.now()
  const { status, stdout, stderr } = run()
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  assert.ok(performance.now() - began < 5_000)
})

test('the ESM entry re-exports by name, types apart', () => {
  const source = `/** Public. */\nexport { Device, type Options } from './device.js'\nexport type { A as B } from './a.js'\n`
  const wrapper = esmWrapper(source)
  assert.equal(wrapper.code, "export { Device } from './index.js'\n")
  assert.equal(wrapper.types, "export { Device } from './index.js'\nexport type { B, Options } from './index.js'\n")
  assert.throws(() => esmWrapper('export const x = 1\n'), /may only hold .* but has: export const x = 1/)
})

/** The build, forced, where cargo is a shell script of this body, or absent, and no other program is to be found. */
function buildWith(cargo) {
  const folder = mkdtempSync(join(tmpdir(), 'warren-build-'))
  try {
    if (cargo !== '') {
      writeFileSync(join(folder, 'cargo'), `#!/bin/sh\n${cargo}\n`)
      chmodSync(join(folder, 'cargo'), 0o755)
    }
    return spawnSync(process.execPath, [build, '--force'], { encoding: 'utf8', env: { PATH: folder } })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
