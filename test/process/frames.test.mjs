// Errors that arise after a call has returned have the frames of its caller.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Device, PrivateKey } from '../../dist/index.mjs'

// Node has two or three frames of its own between, by what it came to the caller from.
Error.stackTraceLimit = 30

for (const driver of ['native', 'script']) {
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })

  test(`connect() fails with the frames of its caller, each of several with its own (${driver})`, async (context) => {
    const device = await open()
    context.after(() => device.close())
    const peer = device.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '127.0.0.1:9' })
    const firstCaller = () => peer.connect({ timeout: 60_000 })
    const secondCaller = () => peer.connect({ timeout: 60_000 })
    const failures = [firstCaller(), secondCaller()].map((dial) => dial.catch((error) => error))
    await peer.remove({ timeout: 0 })
    const [first, second] = await Promise.all(failures)
    assert.notEqual(first, second)
    for (const error of [first, second]) {
      assert.equal(error.code, 'ERR_WARREN_PEER_REMOVED')
      assert.equal(error.peer, peer.publicKey)
      assert.equal(error.stack.split('\n')[0], `WarrenError: ${error.message}`)
    }
    assert.match(first.stack.split('\n')[1], /^ +at firstCaller \(.*frames\.test/)
    assert.match(second.stack.split('\n')[1], /^ +at secondCaller \(.*frames\.test/)
  })

  test(`a send that waited fails with the frames of who awaits it (${driver})`, async (context) => {
    const far = await open({
      authorize: () => true,
      limits: { receiveBytesPerConnection: 2 ** 20, messageBytes: 2 ** 20 },
    })
    context.after(() => far.close())
    const near = await open({ lanes: { 0: { maxQueuedBytes: 2 ** 20 } } })
    context.after(() => near.close())
    const accepted = once(far, 'connection')
    const connection = await near.addPeer({ publicKey: far.publicKey, endpoint: far.address }).connect()
    await accepted
    // Nobody reads there: the sixteenth at the latest waits for ever.
    const first = Array.from({ length: 15 }, () => connection.send(Buffer.alloc(2 ** 20)))
    for (const sent of first) sent.catch(() => undefined)
    async function sender() {
      await connection.send(Buffer.alloc(2 ** 20))
    }
    async function userCode() {
      await Promise.all([sender(), sender()])
    }
    const failure = userCode().catch((error) => error)
    connection.destroy({ reason: 'enough' })
    const { code, stack } = await failure
    assert.equal(code, 'ERR_WARREN_CONNECTION_CLOSED')
    assert.match(stack, /^ +at async sender \(.*frames\.test/m)
    assert.match(stack, /^ +at async userCode \(.*frames\.test/m)
  })
}
