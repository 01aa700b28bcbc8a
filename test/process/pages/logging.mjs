import assert from 'node:assert/strict'
import { subscribe, tracingChannel } from 'node:diagnostics_channel'
import { called, connected } from './nodes.mjs'
import { run } from './page.mjs'

export default async function (page, context) {
  const [countMessage, countClose] = [called(), called()]
  const count = (name) => (name.startsWith('dropped') ? countMessage : countClose)[0](name)
  await run(page.next(), { subscribe, count })
  const [time, timed] = called()
  await run(page.next(), { tracingChannel, time })

  const { connection } = await connected(
    context,
    { limits: { messageBytes: 2_000 } },
    { limits: { messageBytes: 1_000 } },
  )
  const [what, outcome, duration] = await timed
  assert.deepEqual([what, outcome, duration >= 0], ['dial', 'connected', true])
  await connection.send(Buffer.alloc(2_000))
  assert.deepEqual(await countMessage[1], ['dropped.refused'])
  await connection.close()
  assert.deepEqual(await countClose[1], ['closed.by an application'])
}
