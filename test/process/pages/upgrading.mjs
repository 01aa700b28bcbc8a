import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { connected, consoleOf } from './nodes.mjs'
import { run } from './page.mjs'

const OLD = { protocols: ['ledger/1'], moves: { grace: 200 } }

export default async function (page, context) {
  const { near, far, peer, connection, accepted } = await connected(context, OLD, OLD)
  const device = near
  const console = consoleOf()

  // 1. Ship both: what is sent and read is of the version of its connection.
  const handled = []
  const encode = (protocol, value) => Buffer.from(`${protocol}: ${value}`)
  const decode = (protocol, bytes) => {
    assert.ok(String(bytes).startsWith(protocol))
    return String(bytes)
  }
  const shared = { encode, decode, handle: (message) => handled.push(message), greeting: 'hello', block: 'block' }
  const both = page.next()
  await run(both, { device: far, ...shared })
  await run(both, { device, ...shared })
  await until(() => handled.includes('ledger/1: block'))

  // 2. Accept both.
  const acceptBoth = page.next()
  await run(acceptBoth, { device })
  await run(acceptBoth, { device: far })
  await until(() => peer.protocols.get('ledger')?.accepted.length === 2)
  await run(page.next(), { device, console })
  await console.line(/ledger\/1,ledger\/2 speaks ledger\/1 since \d{4}-/)

  // 3. Prefer the new one: the second end that does so makes them move.
  const preferNew = page.next()
  await run(preferNew, { device })
  await run(page.next(), { device, console })
  await run(preferNew, { device: far })
  await console.line(/^ledger\/1 → ledger\/2$/)
  await console.line(/ledger\/1 → ledger\/2/)
  assert.equal((await accepted.closed).reason, 'superseded')
  await connection.closed
  await run(page.next(), { device, console })
  await console.line(/^ledger\/2: 1 connections, \d+ bytes delivered$/)

  // 4. Raise the floor: the device is too young to know; asked for less time, it says yes.
  const raise = page.next()
  await run(raise, { device, console })
  await console.line(/^this device is not open for so long$/)
  await run(raise.replace('24 * 3_600_000', '0'), { device, console })
  assert.equal(device.protocols.floors[0].protocol, 'ledger/2')

  // 5. Remove, and back again.
  await run(page.next(), { device })
  assert.deepEqual([device.protocols.offer, device.protocols.floors], [['ledger/2'], []])
  const back = page.next()
  await run(back, { device })
  await run(back, { device: far })
  await until(() => peer.protocols.get('ledger')?.current === 'ledger/1')

  // Streams end with their connection, and are carried on.
  const bytes = Buffer.alloc(3 * 2 ** 20, 'the ledger ')
  const files = new Map([['ledger.db', Buffer.alloc(bytes.length)]])
  const have = new Map()
  await run(page.next(), { device: far, files, have, console: consoleOf() })
  let started = () => {}
  const begun = new Promise((resolve) => (started = resolve))
  async function* parts(all, from) {
    for (let at = from; at < all.length; at += 2 ** 16) {
      started()
      yield all.subarray(at, at + 2 ** 16)
      // Slow enough for a move in the middle.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const howMuch = async () => have.get('ledger.db') ?? 0
  const uploading = run(page.next(), { peer, bytes, howMuch, parts, pipeline, Readable, text })
  await begun
  await run(preferNew, { device })
  await run(preferNew, { device: far })
  await uploading
  assert.ok(files.get('ledger.db').equals(bytes))
}

async function until(isTrue) {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5))
}
