// Two processes exchange messages; the JavaScript thread of one stands still for two seconds, twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './children.mjs'

const program = new URL('./programs/stalls.mjs', import.meta.url)

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
}
