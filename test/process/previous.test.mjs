// This build and the one before lists of protocols could change, as peers of each other.

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from './children.mjs'
import { buildPrevious, previousCommit } from './previous-build.mjs'

const program = fileURLToPath(new URL('programs/build.mjs', import.meta.url))
const current = new URL('../../dist/index.mjs', import.meta.url).href
const commit = previousCommit()
const isRequired = process.env.WARREN_REQUIRE_PREVIOUS === '1'
if (commit === undefined && isRequired) throw new Error('the history does not reach the build before: fetch all of it')
const skip = commit === undefined && 'the history does not reach the build before: git fetch --unshallow brings it'

describe('the build before', { skip }, () => {
  let previous
  before(() => {
    previous = buildPrevious(commit)
  })

  test('this build dials early: what was sent before the build before answers arrives once', async (t) => {
    const [dialler] = await pair(t, [current, previous], ['ledger/1'], ['ledger/1', 'ledger/2'], { early: true })
    const { echoes, ...connected } = await dialler.told('connected')
    assert.deepEqual(connected, { protocol: 'ledger/1', outcomes: ['delivered'], streamed: 1 << 20 })
    assert.equal(echoes.length, 5)
    await dialler.told('done')
  })

  test('this build moves to another version and back by a drain, a close and a dial, and loses nothing', async (t) => {
    const options = { moves: [['ledger/2'], ['ledger/1']] }
    const [dialler] = await pair(t, [current, previous], ['ledger/1'], ['ledger/1', 'ledger/2'], options)
    const { spoken, outcomes } = await dialler.told('moved')
    assert.deepEqual({ spoken, outcomes }, { spoken: ['ledger/1', 'ledger/2', 'ledger/1'], outcomes: ['delivered'] })
  })

  for (const dials of ['this build', 'the build before']) {
    const urls = () => (dials === 'this build' ? [current, previous] : [previous, current])

    test(`${dials} dials: messages, priorities, streams and the close arrive`, async (t) => {
      const [dialler, acceptor] = await pair(t, urls(), ['ledger/2', 'ledger/1'], ['ledger/1', 'ledger/2'])
      const { echoes, ...connected } = await dialler.told('connected')
      assert.deepEqual(connected, { protocol: 'ledger/1', outcomes: ['delivered'], streamed: 1 << 20 })
      const lengths = [
        [0, 1 << 20],
        [9, 70_000],
        [200, 0],
        [200, 100],
        [255, 1],
      ]
      assert.deepEqual(
        echoes.sort(([one, length], [other, behind]) => one - other || length - behind),
        lengths,
      )
      assert.equal(await acceptor.told('accepted'), 'ledger/1')
      assert.deepEqual(await acceptor.told('closed'), { by: 'remote', code: 1_000, reason: 'enough' })
      await dialler.told('done')
    })

    test(`${dials} is refused without a common protocol, and told what is accepted`, async (t) => {
      const [dialler] = await pair(t, urls(), ['ledger/3'], ['ledger/1', 'ledger/2'])
      const { code, message } = await dialler.told('failed')
      assert.equal(code, 'ERR_WARREN_NO_COMMON_PROTOCOL')
      assert.match(message, /accepts ledger\/1, ledger\/2/)
    })
  }
})

/** A dialler and an acceptor, each of a build, with their protocols. */
async function pair(t, [dials, accepts], offered, accepted, options = {}) {
  const begun = []
  t.after(() => {
    for (const { child } of begun) if (child.connected) child.disconnect()
  })
  const begin = (options) => {
    begun.push(start(program, options))
    return begun.at(-1)
  }
  const acceptor = begin({ url: accepts, number: 1, protocols: accepted })
  const port = await acceptor.told('port')
  return [begin({ url: dials, number: 0, protocols: offered, peer: port, ...options }), acceptor]
}
