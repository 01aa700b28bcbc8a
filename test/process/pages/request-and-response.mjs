import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { text } from 'node:stream/consumers'
import { connected, consoleOf, patient } from './nodes.mjs'
import { run } from './page.mjs'

const answer = async (question, name) => `${question}: 12 ${name ?? ''}`.trim()

export default async function (page, context) {
  const { connection, accepted } = await connected(context, {}, { allowHalfOpen: true })

  const [answering, asking] = [page.next(), page.next()]
  run(answering, { connection: accepted, answer, text })
  const console = consoleOf()
  await run(asking, { connection, console, text, AbortSignal: patient })
  assert.deepEqual(console.lines, ['account 7: 12 balance'])

  const serving = run(page.next(), { connection: accepted, answer })
  serving.catch(() => accepted.destroy())
  const reading = page.next()
  await run(reading + page.next(), { connection, EventEmitter, once, randomUUID, console, AbortSignal: patient })
  assert.equal(console.lines[1], 'account 7: 12')

  // What is no JSON ends the connection, and nothing else.
  await accepted.send(Buffer.from('no JSON'))
  const { by, reason } = await connection.closed
  assert.equal(by, 'local')
  assert.equal(reason, 'not an answer')
  await serving
}
