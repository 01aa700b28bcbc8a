// What a fresh checkout meets: the build's own messages.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { figureTables } from '../../scripts/build/figures.mjs'
import { recordTables } from '../../scripts/build/records.mjs'
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

test('a figure is a counter or a level, with a doc comment', () => {
  const table = (lines) =>
    `figures! {\n    /// Figures.\n    fn device(stats: &S) -> DeviceFigures {\n${lines}    }\n}\n`
  const line = '        /// Number of peers,\n        /// in all.\n        peers: level = stats.peers;\n'
  assert.deepEqual(figureTables(table(line)), [
    {
      name: 'DeviceFigures',
      about: 'Figures.',
      figures: [{ name: 'peers', kind: 'level', isOptional: false, doc: 'Number of peers, in all.' }],
    },
  ])
  assert.throws(() => figureTables(table(line.replace('level', 'gauge'))), /a counter or a level, not a "gauge"/)
  assert.throws(() => figureTables(table('        peers: level = stats.peers;\n')), /not a figure .*: peers: level/)
})

test('a record is of fields that are known, and fits', () => {
  const tables = (fields) =>
    `const STRIDE: usize = 8;\n\nrecords! {\n    /// Told.\n    enum Record<'a> {\n        /// Up.\n        PeerUp { ${fields} },\n    }\n}\n\nnames! {\n    /// Ends.\n    enum Initiator {\n        Local = "local",\n    }\n}\n`
  assert.deepEqual(recordTables(tables("by: Initiator, at_last: Text<'a>")).kinds[0].fields, [
    { name: 'by', type: 'Initiator', rust: 'Initiator' },
    { name: 'at_last', type: 'Text', rust: "Text<'a>" },
  ])
  assert.throws(() => recordTables(tables('by: Ends')), /PeerUp has a field of an unknown type: Ends/)
  const four = Array.from('abcd', (name) => `${name}: Text<'a>`).join(', ')
  assert.throws(() => recordTables(tables(four)), /PeerUp has more fields than a record holds/)
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
