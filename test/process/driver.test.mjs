// The drivers below the API: failures of the engine, and records of events.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { PrivateKey } from '../../dist/index.mjs'

const require = createRequire(import.meta.url)
const { addon } = require('../../dist/addon/addon.js')
const { DEFAULT_LIMITS, engineLimits } = require('../../dist/arguments/limits.js')
const { RecordReader } = require('../../dist/addon/records.js')
const { KINDS, STRIDE, TABLE } = require('../../dist/generated/records.js')
const { openNative } = require('../../dist/drivers/native.js')
const { openScript } = require('../../dist/drivers/script.js')

const options = {
  listen: { host: '127.0.0.1', port: 0 },
  protocols: { generation: 0, offer: ['test/1'], accept: ['test/1'], below: [], transports: ['quic/1'] },
  mtu: 1420,
  maxMtu: 1420,
  authorize: true,
  authorizeTimeout: 4000,
  deadAfter: 15_000,
  heartbeat: undefined,
  uplink: undefined,
  lanes: [],
  limits: {
    ...engineLimits(DEFAULT_LIMITS),
    peers: 16,
    pendingAuthorizations: 16,
    handshakesPerSecond: 100,
    pendingConnections: 16,
  },
}

const key = () => Buffer.from(PrivateKey.generate().export(), 'base64')

for (const [name, open] of [
  ['native', openNative],
  ['script', openScript],
]) {
  test(`a panic ends its device with an error, and no other (${name})`, async () => {
    const failed = Promise.withResolvers?.() ?? withResolvers()
    const other = await open({ ...options, privateKey: key() }, recorder([]))
    const driver = await open({ ...options, privateKey: key() }, recorder([], failed.resolve))
    const { port } = driver.address
    // No driver does so: the engine gives odd numbers itself.
    driver.openStream(0, 1, false, 0, undefined)
    assert.match(await failed.promise, /a bug in warren ended the device: a stream was opened under an odd number/)
    assert.throws(() => driver.connect(0, undefined, 1000, false), { name: 'WarrenError' })
    driver.sendMessage(0, 1, 0, undefined, Buffer.alloc(10))
    await driver.close(0, '')
    const socket = createSocket('udp4').bind(port, '127.0.0.1')
    await once(socket, 'listening')
    socket.close()
    assert.ok('peers' in other.stats())
    await other.close(0, '')
  })

  test(`a port in use and a strange address are told apart (${name})`, async () => {
    const first = await open({ ...options, privateKey: key() }, recorder([]))
    const again = open({ ...options, privateKey: key(), listen: { host: '127.0.0.1', port: first.address.port } }, {})
    await assert.rejects(again, { code: 'ERR_WARREN_ADDRESS_IN_USE' })
    const strange = open({ ...options, privateKey: key(), listen: { host: '192.0.2.1', port: 0 } }, {})
    await assert.rejects(strange, { code: 'ERR_WARREN_LISTEN_FAILED' })
    await first.close(0, '')
    await first.close(0, '')
  })

  test(`what a receiver throws is an uncaught exception, and the events after it still come (${name})`, async () => {
    const told = []
    const thrown = []
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message))
    try {
      const receiver = recorder(told)
      receiver.messageSettled = (_connection, message) => {
        told.push(message)
        if (message === 1) throw new Error('of the receiver')
      }
      const driver = await open({ ...options, privateKey: key() }, receiver)
      for (let message = 0; message < 3; message++) driver.sendMessage(9, message, 0, undefined, Buffer.alloc(1))
      await until(() => told.includes(2))
      assert.deepEqual(
        told.filter((entry) => typeof entry === 'number'),
        [0, 1, 2],
      )
      await until(() => thrown.length > 0)
      assert.deepEqual(thrown, ['of the receiver'])
      await driver.close(0, '')
    } finally {
      process.setUncaughtExceptionCaptureCallback(null)
    }
  })
}

test('a drain that has room for less than happened says so until everything was told', async () => {
  const { NativeDevice } = addon()
  let wakes = 0
  const { heartbeat, uplink, listen, ...rest } = options
  const device = new NativeDevice({ ...rest, privateKey: key() }, listen, () => wakes++)
  const words = new Float64Array(4 * STRIDE)
  const bytes = Buffer.from(words.buffer)
  const slab = Buffer.alloc(1024)
  const send = (from, to) => {
    for (let message = from; message < to; message++) device.sendMessage(9, message, 0, undefined, Buffer.alloc(1))
    device.stats()
    device.stats()
  }
  const settled = KINDS.indexOf('messageSettled')
  const told = []
  const drain = () => {
    const count = device.drain(bytes, slab, 0)
    for (let record = 1; record <= count; record++)
      if (words[record * STRIDE] === settled) told.push(words[record * STRIDE + 2])
    return words[1] === 1
  }
  send(0, 5)
  await until(() => wakes === 1)
  assert.equal(drain(), true, 'three records are not enough')
  // These come while the first are half told: the thread has called already, and waits for being drained.
  send(5, 10)
  while (drain());
  assert.deepEqual(told, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  send(10, 11)
  await until(() => wakes > 1)
  while (drain());
  assert.equal(told.at(-1), 10)
  device.close(0, '')
})

test('the addon tells the records that the drivers read', () => {
  assert.equal(addon().recordTable(), TABLE)
  assert.doesNotThrow(() => new RecordReader({ drain: () => 0 }, {}))
})

/** A receiver that keeps the names of what it is told. */
function recorder(told, failed = () => undefined) {
  const methods = KINDS.map((kind) => [kind, () => told.push(kind)])
  return { ...Object.fromEntries(methods), failed }
}

async function until(is) {
  const { setTimeout: sleep } = await import('node:timers/promises')
  for (let tries = 0; tries < 1000 && !is(); tries++) await sleep(5)
  assert.ok(is(), 'it did not come within five seconds')
}

function withResolvers() {
  const resolvers = {}
  resolvers.promise = new Promise((resolve) => {
    resolvers.resolve = resolve
  })
  return resolvers
}
