// Paths between machines: link-local addresses, and resolvers that are silent.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { link, machines, reasonToSkip } from './namespaces.mjs'

const skip = reasonToSkip()

for (const driver of ['native', 'script']) {
  test(`link-local peers are dialled by the name and the number of an interface (${driver})`, {
    skip,
  }, async (context) => {
    const { near, far } = await machines(context, 'near', 'far')
    await link([near, 'va'], [far, 'vb'])
    const at = `${await far.linkLocal('vb')}%va`
    const { key, port } = await far.run(answer, driver)
    const [index] = (await near.namespace.run('cat', '/sys/class/net/va/ifindex')).split('\n')
    for (const endpoint of [`[${at}]:${port}`, `[${at.replace('va', index)}]:${port}`]) {
      const from = await near.run(dial, driver, key, endpoint)
      assert.equal(from, endpoint)
    }
    const [seen] = await far.run(({ state }) => Array.from(state.device.peers.values(), (peer) => peer.endpoint))
    assert.match(seen, /^\[fe80::[\da-f:]+%vb\]:\d+$/)
  })

  test(`an interface that comes later is found by its name (${driver})`, { skip }, async (context) => {
    const { near, far } = await machines(context, 'near', 'far')
    await link([near, 'early'], [far, 'vb'])
    const { key, port } = await far.run(answer, driver)
    const dialled = near.run(dial, driver, key, `[${await far.linkLocal('vb')}%late]:${port}`)
    await near.run(() => new Promise((resolve) => setTimeout(resolve, 500)))
    await near.namespace.ip('link', 'set', 'early', 'down')
    await near.namespace.ip('link', 'set', 'early', 'name', 'late')
    await near.namespace.ip('link', 'set', 'late', 'up')
    assert.match(await dialled, /%late\]/)
  })
}

test('a silent resolver holds up neither lookups of the process nor peers with an address', {
  skip,
}, async (context) => {
  const { near } = await machines(context, 'near')
  const files = `/etc/netns/${near.namespace.name}`
  mkdirSync(files, { recursive: true })
  context.after(() => rmSync(files, { recursive: true }))
  writeFileSync(`${files}/resolv.conf`, 'nameserver 127.0.0.1\n')
  writeFileSync(`${files}/hosts`, '127.0.0.1 localhost\n')
  const result = await near.run(async ({ Device, PrivateKey, dns, state }) => {
    const { createSocket } = await import('node:dgram')
    // It hears every question, and never answers.
    state.resolver = createSocket('udp4').bind(53, '127.0.0.1')
    let questions = 0
    state.resolver.on('message', () => questions++)
    const open = () => Device.open({ privateKey: PrivateKey.generate(), authorize: () => true })
    const [device, far] = await Promise.all([open(), open()])
    for (const name of ['one.test', 'two.test', 'three.test']) {
      const { publicKey } = PrivateKey.generate()
      device
        .addPeer({ publicKey, endpoint: `${name}:9` })
        .connect()
        .catch(() => {})
    }
    while (questions === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    const began = performance.now()
    await dns.promises.lookup('localhost')
    const looked = performance.now() - began
    const endpoint = ['one.test:9', `127.0.0.1:${far.address.port}`]
    await device.addPeer({ publicKey: far.publicKey, endpoint }).connect()
    return { looked, connected: performance.now() - began }
  })
  // The first question alone is repeated after 5 s (resolv.conf(5)).
  assert.ok(result.looked < 4_000, `localhost took ${result.looked} ms`)
  assert.ok(result.connected < 4_000, `the peer took ${result.connected} ms`)
})

async function answer({ Device, PrivateKey, state }, driver) {
  state.device = await Device.open({ privateKey: PrivateKey.generate(), driver, authorize: () => true })
  return { key: state.device.publicKey, port: state.device.address.port }
}

async function dial({ Device, PrivateKey }, driver, publicKey, endpoint) {
  const device = await Device.open({ privateKey: PrivateKey.generate(), driver })
  const peer = device.addPeer({ publicKey, endpoint })
  const connection = await peer.connect()
  const { endpoint: at } = connection.peer
  await device.close()
  return at
}
