// The example of byte streams: it says the hash that the far end computed, and ends by itself.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('a file arrives whole, and so does the answer', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const file = `${root}package-lock.json`
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}dist/examples/streams.js`, file], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(status, 0, stderr)
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
  assert.equal(stdout, `${file} arrived with SHA-256 ${hash}\n`)
})
