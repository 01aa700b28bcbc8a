// The programs of docs/streams.md, and of the README where they are the same, as they stand there.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { Device, PrivateKey } from '../../dist/index.mjs'
import { codeBlocks } from '../../scripts/lint/markdown.mjs'

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const programs = codeBlocks(read('docs/streams.md'), 'js')
const AsyncFunction = (async () => {}).constructor

let devices
let asks
let answers

before(async () => {
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, ...options })
  const [near, far] = await Promise.all([open(), open({ allowHalfOpen: true, authorize: () => true })])
  devices = [near, far]
  const endpoint = `127.0.0.1:${far.address.port}`
  const accepted = once(far, 'connection')
  asks = await near.addPeer({ publicKey: far.publicKey, endpoint }).connect()
  ;[answers] = await accepted
})

after(() => Promise.all(devices.map((device) => device.close({ timeout: 0 }))))

for (const [what, first] of [
  ['a stream', 0],
  ['a message', 2],
]) {
  test(`a question gets its answer, with ${what} for each`, async () => {
    const [answering, asking] = programs.slice(first, first + 2)
    const lines = []
    run(answering, { connection: answers, answer: async (question, name) => `${question}: 12 ${name ?? ''}`.trim() })
    await run(asking, { connection: asks, console: { log: (line) => lines.push(line) } })
    assert.deepEqual(lines, [first === 0 ? 'account 7: 12 balance' : 'account 7: 12'])
    answers.removeAllListeners('stream')
  })
}

test('a server of node:http answers an agent of node:http', async () => {
  const [serving, asking] = programs.slice(4)
  run(serving, { connection: answers })
  const printed = new Promise((resolve) => {
    const process = {
      stdout: { on: () => undefined, once: () => undefined, emit: () => undefined, write: resolve, end() {} },
    }
    run(asking, { connection: asks, process })
  })
  assert.equal(String(await printed), `/blocks/17 for ${answers.peer.address}`)
})

test("the README's request and response is that of docs/streams.md", () => {
  const readme = codeBlocks(read('README.md'), 'js')
  for (const program of programs.slice(0, 3)) assert.ok(readme.includes(program), program)
})

function run(program, scope) {
  const all = { text, randomUUID, http, ...scope }
  return new AsyncFunction(...Object.keys(all), program)(...Object.values(all))
}
