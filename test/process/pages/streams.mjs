import assert from 'node:assert/strict'
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connected, consoleOf } from './nodes.mjs'
import { run } from './page.mjs'

export default async function (page, context) {
  const { connection, accepted } = await connected(context, {}, { allowHalfOpen: true })
  await files(page.next(), page.next(), connection, accepted, context)
  accepted.removeAllListeners('stream')

  run(page.next(), { connection: accepted, http })
  const asking = page.next()
  const printed = new Promise((resolve) => {
    const stdout = { on: () => undefined, once: () => undefined, emit: () => undefined, write: resolve, end() {} }
    run(asking, { connection, http, process: { stdout } })
  })
  assert.equal(String(await printed), `/blocks/17 for ${accepted.peer.address}`)
}

async function files(sending, receiving, connection, accepted, context) {
  const temporary = await mkdtemp(join(tmpdir(), 'warren-pages-'))
  context.after(() => rm(temporary, { recursive: true }))
  const folder = join(temporary, 'received')
  mkdirSync(folder)
  const file = join(temporary, 'state.bin')
  writeFileSync(file, Buffer.alloc(3_000_000, 'warren'))
  const moved = {}
  const isHere = new Promise((resolve) => (moved.whole = resolve))
  const isGone = new Promise((resolve) => (moved.part = resolve))
  run(receiving, {
    connection: accepted,
    folder,
    join,
    pipeline,
    createWriteStream,
    rename: (from, to) => rename(from, to).then(() => moved.whole(to)),
    rm: (path, options) => rm(path, options).then(() => moved.part(path)),
  })
  const scope = { connection, console: consoleOf(), basename, pipeline, createReadStream, stat }
  await run(sending, { ...scope, file, signal: undefined })
  assert.equal(await isHere, join(folder, 'state.bin'))
  assert.deepEqual(readFileSync(await isHere), readFileSync(file))

  // An abort takes the part away at the other end, and nothing calls it whole.
  const controller = new AbortController()
  const zeros = {
    file: '/zeros',
    stat: async () => ({ size: 2 ** 40 }),
    createReadStream: () => Readable.from(endless()),
  }
  const aborted = run(sending, { ...scope, ...zeros, signal: controller.signal })
  accepted.once('stream', (stream) => stream.once('data', () => controller.abort()))
  await assert.rejects(aborted, { name: 'AbortError' })
  assert.equal(await isGone, join(folder, 'zeros.part'))
  assert.equal(existsSync(join(folder, 'zeros')), false)

  const stranger = connection.openStream({ direction: 'out', name: '../outside' })
  stranger.end('not here')
  await new Promise((resolve) => stranger.once('close', resolve))
  assert.equal(existsSync(join(temporary, 'outside')), false)
}

function* endless() {
  for (;;) yield Buffer.alloc(65_536)
}
