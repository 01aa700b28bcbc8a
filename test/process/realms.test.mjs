// Values of another realm, keys of another copy of the package, and clocks that do not go.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import timers from 'node:timers'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const root = fileURLToPath(new URL('../../', import.meta.url))
const copies = join(root, 'target/copies')
after(() => rmSync(copies, { recursive: true, force: true }))

/** The package once more, as another version of it in the same tree is. */
function copyOf(name) {
  const copy = join(copies, name)
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  for (const path of ['prebuilds', 'package.json']) symlinkSync(join(root, path), join(copy, path))
  return createRequire(import.meta.url)(join(copy, 'dist/index.js'))
}

async function connected({ Device, PrivateKey }, driver) {
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })
  const [near, far] = await Promise.all([open(), open({ authorize: () => true })])
  const accepted = once(far, 'connection')
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: `127.0.0.1:${far.address.port}` })
  const connection = await peer.connect()
  const close = () => Promise.all([near.close({ timeout: 0 }), far.close({ timeout: 0 })])
  return { near, peer, connection, accepted: (await accepted)[0], close }
}

for (const driver of ['native', 'script']) {
  test(`bytes of another realm are bytes (${driver})`, async () => {
    const warren = await import('../../dist/index.mjs')
    const { near, peer, connection, accepted, close } = await connected(warren, driver)
    const bytes = vm.runInNewContext('Uint8Array.of(1, 2, 3)')
    assert.ok(!(bytes instanceof Uint8Array))
    const messages = accepted.messages()
    await connection.send(bytes)
    await near.broadcast(bytes)
    for (let n = 0; n < 2; n++) assert.deepEqual([...(await messages.next()).value.bytes], [1, 2, 3])
    const datagram = once(accepted, 'datagram')
    assert.ok(connection.sendDatagram(bytes))
    assert.deepEqual([...(await datagram)[0]], [1, 2, 3])
    connection.openStream().end(bytes)
    const [stream] = await once(accepted, 'stream')
    assert.deepEqual([...(await once(stream, 'data'))[0]], [1, 2, 3])
    const packet = vm.runInNewContext('new Uint8Array(40).fill(0x60, 0, 1)')
    assert.equal(typeof peer.sendPacket(packet), 'boolean')
    assert.equal(warren.parsePublicKey(vm.runInNewContext('new Uint8Array(32)')).length, 44)
    await close()
  })

  test(`clocks that fake timers stop go on here (${driver})`, async () => {
    const { setTimeout, setImmediate } = timers
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    // As jest does with `enableGlobally`: before the package is loaded.
    const faked = Object.fromEntries(
      ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => [name, globalThis[name]]),
    )
    const deadline = setTimeout(() => process.exit(7), 20_000)
    for (const name of Object.keys(faked)) globalThis[name] = () => ({ unref() {}, refresh() {} })
    const warren = copyOf(`faked-${driver}`)
    // As `node:test` does: after it.
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
    try {
      const { connection, accepted, close } = await connected(warren, driver)
      connection.openStream().end('it goes')
      await turn()
      const [stream] = await once(accepted, 'stream')
      assert.equal(String((await once(stream, 'data'))[0]), 'it goes')
      await close()
    } finally {
      mock.timers.reset()
      Object.assign(globalThis, faked)
      clearTimeout(deadline)
    }
  })
}

test('a private key of another copy of the package is a private key', async () => {
  const { Device, PrivateKey } = await import('../../dist/index.mjs')
  const key = copyOf('key').PrivateKey.generate()
  assert.ok(!(key instanceof PrivateKey))
  assert.equal(PrivateKey.from(key).publicKey, key.publicKey)
  const device = await Device.open({ privateKey: key, listen: { host: '127.0.0.1' } })
  assert.equal(device.publicKey, key.publicKey)
  await device.close()
})
