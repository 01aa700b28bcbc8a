// Every program on every page of the docs, as it stands there, against the built package.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { filesUnder } from '../../scripts/build/fingerprint.mjs'
import { Page } from './pages/page.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Pages whose programs need another rig. */
const ELSEWHERE = new Map([
  ['docs/errors.md', 'test/contract/errors.test.ts'],
  ['docs/bundling.md', 'scripts/release/bundlers.mjs'],
])

const pages = ['README.md', 'docs', 'examples']
  .flatMap((path) => filesUnder(join(root, path)))
  .map((file) => new Page(relative(root, file).split(sep).join('/')))
  .filter(({ path, programs }) => path.endsWith('.md') && programs.length > 0)

for (const page of pages.filter(({ path }) => !ELSEWHERE.has(path))) {
  test(`the programs of ${page.path} do what the page says`, async (context) => {
    const { default: scenario } = await import(`./pages/${page.path.replace(/^.*\//, '').replace('.md', '.mjs')}`)
    await scenario(page, context)
    assert.deepEqual(page.left, [], 'the test runs all of them')
  })
}

test('pages whose programs are run elsewhere are there, and so is what runs them', () => {
  for (const [path, runner] of ELSEWHERE) {
    assert.ok(
      pages.some((page) => page.path === path),
      path,
    )
    assert.ok(existsSync(join(root, runner)), runner)
  }
})
