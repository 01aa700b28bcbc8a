// The clock under the script driver: suspends, steps, and an event loop that stands still.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Device, PrivateKey } from '../../dist/index.mjs'

const { addon } = createRequire(import.meta.url)('../../dist/addon/addon.js')

// Before a device is opened: it takes the clock with it.
const uptime = addon().uptime
let ahead = 0
addon().uptime = () => uptime() + ahead

/** Two devices of the script driver that know each other, and what went wrong with them. */
async function pair() {
  const failures = []
  const open = async () => {
    const listen = { host: '127.0.0.1' }
    const device = await Device.open({ privateKey: PrivateKey.generate(), listen, driver: 'script' })
    device.on('error', (error) => failures.push(error))
    device.on('connection', (connection) => {
      connection.on('stream', (stream) => stream.on('error', () => {}).pipe(stream))
    })
    return device
  }
  const [near, far] = await Promise.all([open(), open()])
  const endpoint = (device) => `127.0.0.1:${device.address.port}`
  const options = { persistentKeepalive: 25 }
  const peer = near.addPeer({ ...options, publicKey: far.publicKey, endpoint: endpoint(far) })
  far.addPeer({ ...options, publicKey: near.publicKey, endpoint: endpoint(near) })
  return { near, far, peer, failures }
}

/** Whether a new stream of the pair's connection, which may be a new one, carries something there and back. */
async function echoes(peer) {
  for (;;) {
    const connection = await peer.connect()
    const stream = connection.openStream()
    stream.end('are you there?')
    try {
      const [chunk] = await once(stream, 'data')
      return String(chunk)
    } catch {
      // The connection was dead and nobody had noticed yet: the next one is not.
    }
  }
}

for (const [what, happens, renewals] of [
  ['an hour of suspend', () => (ahead += 3_600_000), 3],
  ['a clock that is set back by ten minutes', () => (ahead -= 600_000)],
  ['a clock that jumps to and fro', () => (ahead += [5_000, -5_000, 200_000, -100_000][Math.floor(Math.random() * 4)])],
  ['an event loop that stands still for two seconds', () => standStill(2_000)],
]) {
  test(`a tunnel of the script driver outlives ${what}`, async () => {
    const { near, far, peer, failures } = await pair()
    assert.equal(await echoes(peer), 'are you there?')
    for (let round = 0; round < 3; round++) {
      happens()
      assert.equal(await echoes(peer), 'are you there?')
    }
    assert.ok(near.stats().sessions >= 1 + (renewals ?? 0), `${near.stats().sessions} sessions`)
    assert.deepEqual(failures, [])
    await Promise.all([near.close(), far.close()])
  })
}

function standStill(milliseconds) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
