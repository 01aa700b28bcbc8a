import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { runWhole } from './page.mjs'

/** Where `npm run bench -- priority` installs js-libp2p when it is first asked for. */
const folder = 'target/bench-libp2p'

export default async function (page, context) {
  const [theirs, ours] = [page.next(), page.next()]
  const [stdout] = page.promised
  const { status, stdout: printed, stderr } = runWhole(page, ours)
  assert.equal(status, 0, stderr)
  assert.equal(printed, stdout)

  const path = new URL(`../../../${folder}/`, import.meta.url)
  const isThere = existsSync(new URL('node_modules/libp2p/package.json', path))
  const skip = isThere ? false : 'js-libp2p is not installed: npm run bench -- priority does that'
  await context.test('the program of js-libp2p prints the same', { skip }, () => {
    // libp2p 3 wants Node 22. All that this program misses in Node 20 is one function.
    const shim = new URL('with-resolvers.mjs', path)
    writeFileSync(shim, WITH_RESOLVERS)
    const { status, stdout: printed, stderr } = runWhole(page, theirs, { folder, args: ['--import', shim.href] })
    assert.equal(status, 0, stderr)
    assert.equal(printed, stdout)
  })
}

const WITH_RESOLVERS = `Promise.withResolvers ??= function () {
  let settle
  const promise = new this((resolve, reject) => (settle = { resolve, reject }))
  return { promise, ...settle }
}
`
