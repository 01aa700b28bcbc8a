// Two processes exchange messages, or a stream; the JavaScript thread of one stands still for a while.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './children.mjs'

const program = new URL('./programs/stalls.mjs', import.meta.url)
const trickle = new URL('./programs/trickle.mjs', import.meta.url)

for (const driver of ['native', 'script']) {
  // A native thread answers while JavaScript stands still; an event loop that stands still does not.
  const deadAfter = driver === 'native' ? 1_000 : 15_000

  for (const stalls of ['dialler', 'accepter']) {
    test(`the ${stalls} stands still for two seconds, and nothing is lost, no connection either (${driver})`, async () => {
      const ends = { dialler: start(program, { driver, deadAfter }), accepter: start(program, { driver, deadAfter }) }
      try {
        const [, accepter] = await Promise.all([ends.dialler.told('open'), ends.accepter.told('open')])
        ends.dialler.child.send({ connect: accepter })
        await ends[stalls].told('underWay')
        for (let round = 0; round < 2; round++) {
          ends[stalls].child.send({ stall: 2_000 })
          await sleep(2_200)
        }
        for (const end of [ends.dialler, ends.accepter]) {
          assert.deepEqual(await end.told('done'), { received: [60, 60], delivered: 120 })
          assert.deepEqual(
            end.reports.filter(({ closed, disorder }) => closed ?? disorder),
            [],
          )
        }
      } finally {
        for (const { child } of [ends.dialler, ends.accepter]) child.kill('SIGKILL')
      }
    })
  }

  test(`a stream of single bytes goes on after its reader stood still (${driver})`, async () => {
    const bytes = 801
    const [reader, writer] = [start(trickle, { driver, bytes }), start(trickle, { driver })]
    try {
      writer.child.send({ connect: await reader.told('open'), write: 1 })
      await reader.told('begun')
      reader.child.send({ stall: 1_000 })
      writer.child.send({ write: bytes - 1 })
      assert.equal(await reader.told('read'), bytes)
    } finally {
      for (const { child } of [reader, writer]) child.kill('SIGKILL')
    }
  })
}
