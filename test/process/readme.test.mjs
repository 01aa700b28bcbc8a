// The README's first program, run from the README's own text against the built package.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')

test("the README's first program runs as it stands and prints the urgent object first", () => {
  const [, program, promised] = /^```js\n([\s\S]*?)^```$[\s\S]*?^```text\n([\s\S]*?)^```$/m.exec(readme) ?? []
  assert.ok(program, 'README.md has a ```js block, and what it prints in a ```text block after it')
  assert.match(program, /from 'warren'/)
  assert.ok(program.split('\n').length <= 40, 'the first program is short')

  const { status, stdout, stderr } = run(program)
  assert.equal(status, 0, stderr)
  assert.equal(stdout, promised)
  const priorities = [...stdout.matchAll(/priority (\d+)/g)].map(([, priority]) => Number(priority))
  assert.equal(priorities.length, 2)
  assert.ok(priorities[0] > priorities[1], 'the urgent object was sent last and is printed first')
})

/** As a file below the root, where 'warren' is this very package. */
function run(program) {
  const folder = new URL('target/readme/', root)
  mkdirSync(folder, { recursive: true })
  const file = fileURLToPath(new URL('first.mjs', folder))
  writeFileSync(file, program)
  return spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000 })
}
