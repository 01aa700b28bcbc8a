// Paths between machines: uplinks that fail, addresses that die, link-local ones, names that move, and resolvers that are silent.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { link, machines, reasonToSkip } from './namespaces.mjs'

const skip = reasonToSkip()
/** What was never found again before is found within seconds; a busy machine may take longer. */
const timeout = 60_000

for (const driver of ['native', 'script']) {
  test(`link-local peers are dialled by the name and the number of an interface (${driver})`, {
    skip,
    timeout,
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

  test(`an interface that comes later is found by its name (${driver})`, { skip, timeout }, async (context) => {
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

for (const driver of ['native', 'script']) {
  test(`a machine whose uplink fails goes on over another one (${driver})`, { skip, timeout }, async (context) => {
    const { near, far } = await twoWays(context)
    const { key, port } = await far.run(answer, 'native')
    await near.run(converse, driver, key, `10.99.0.2:${port}`)
    // Its address stays, and the router drops what comes with it over the other uplink.
    await near.namespace.ip('link', 'set', 'va0', 'down')
    await near.run(answered)
  })

  test(`a peer whose address dies is found at its other endpoint (${driver})`, { skip, timeout }, async (context) => {
    const { near, router, far } = await twoWays(context)
    const { key, port } = await far.run(answer, 'native')
    await near.run(converse, driver, key, [`10.99.0.2:${port}`, `10.99.0.3:${port}`])
    await dies(router, '10.99.0.2')
    await near.run(answered)
    assert.equal(await near.run(({ state }) => state.peer.endpoint), `10.99.0.3:${port}`)
  })

  test(`a peer whose name moves is found at its new address (${driver})`, { skip, timeout }, async (context) => {
    const { near, router, far } = await twoWays(context)
    const names = filesOf(context, near)
    names('hosts', '10.99.0.2 node.test\n')
    const { key, port } = await far.run(answer, 'native')
    await near.run(converse, driver, key, `node.test:${port}`)
    names('hosts', '10.99.0.3 node.test\n')
    await dies(router, '10.99.0.2')
    await near.run(answered)
    assert.equal(await near.run(({ state }) => state.peer.endpoint), `10.99.0.3:${port}`)
  })

  test(`addresses that the system refuses cost a dial nothing (${driver})`, { skip, timeout }, async (context) => {
    const { near } = await machines(context, 'near')
    const took = await near.run(async ({ Device, PrivateKey }, driver) => {
      const far = await Device.open({ privateKey: PrivateKey.generate(), driver, authorize: () => true })
      const device = await Device.open({ privateKey: PrivateKey.generate(), driver })
      const hosts = ['[2001:db8::1]', '[2001:db8::2]', '192.0.2.1', '[fe80::1%4242]', '127.0.0.1']
      const endpoint = hosts.map((host) => `${host}:${far.address.port}`)
      const began = performance.now()
      await device.addPeer({ publicKey: far.publicKey, endpoint }).connect()
      return performance.now() - began
    }, driver)
    // Four attempts without an answer take 4 s and more.
    assert.ok(took < 2_000, `${took} ms`)
  })

  test(`an address that is given to a live tunnel and not answered does not end it (${driver})`, {
    skip,
    timeout,
  }, async (context) => {
    const { near, far } = await twoWays(context)
    const { key, port } = await far.run(answer, 'native')
    const outcome = await near.run(
      async ({ Device, PrivateKey, state }, driver, publicKey, endpoint) => {
        state.device = await Device.open({ privateKey: PrivateKey.generate(), driver })
        const peer = state.device.addPeer({ publicKey, endpoint })
        const connection = await peer.connect()
        // Until nothing is on its way: what comes would tell at once where the peer is.
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        peer.update({ endpoint: '10.99.0.77:9' })
        const { settled } = await connection.send(Buffer.from('?'), { lifetime: 5_000 })
        return [await settled, connection.isOpen, peer.endpoint]
      },
      ...[driver, key, `10.99.0.2:${port}`],
    )
    assert.deepEqual(outcome, ['delivered', true, `10.99.0.2:${port}`])
  })
}

test('a silent resolver holds up neither lookups of the process nor peers with an address', {
  skip,
  timeout,
}, async (context) => {
  const { near } = await machines(context, 'near')
  const names = filesOf(context, near)
  names('resolv.conf', 'nameserver 127.0.0.1\n')
  names('hosts', '127.0.0.1 localhost\n')
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

/**
 * A machine with two uplinks to a router, the first one preferred, that drops what comes with another source address; and behind it a machine with two
 * addresses.
 */
async function twoWays(context) {
  const made = await machines(context, 'near', 'router', 'far')
  const { near, router, far } = made
  await link([near, 'va0', '10.97.0.2/24'], [router, 'vr0', '10.97.0.1/24'])
  await link([near, 'va1', '10.98.0.2/24'], [router, 'vr1', '10.98.0.1/24'])
  await link([far, 'vb', '10.99.0.2/24', '10.99.0.3/24'], [router, 'vrb', '10.99.0.1/24'])
  await router.namespace.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=1')
  await near.namespace.ip('route', 'add', 'default', 'via', '10.97.0.1', 'metric', '100')
  await near.namespace.ip('route', 'add', 'default', 'via', '10.98.0.1', 'metric', '200')
  await far.namespace.ip('route', 'add', 'default', 'via', '10.99.0.1')
  return made
}

/** Nothing gets to or from this address any more. */
async function dies(router, address) {
  await router.namespace.ip('route', 'add', 'blackhole', `${address}/32`)
  await router.namespace.ip('rule', 'add', 'from', address, 'blackhole')
}

/** Writes files of /etc for the processes of a machine. */
function filesOf(context, { namespace }) {
  const folder = `/etc/netns/${namespace.name}`
  mkdirSync(folder, { recursive: true })
  context.after(() => rmSync(folder, { recursive: true }))
  return (name, text) => writeFileSync(`${folder}/${name}`, text)
}

/** Connects, and sends something each 200 ms from then on; connects again when the connection is lost. */
async function converse({ Device, PrivateKey, state }, driver, publicKey, endpoint) {
  state.device = await Device.open({ privateKey: PrivateKey.generate(), driver })
  state.peer = state.device.addPeer({ publicKey, endpoint, persistentKeepalive: 5 })
  state.device.on('connection', async (connection) => {
    for await (const _ of connection.messages()) state.answered?.()
  })
  await state.peer.connect()
  setInterval(() => {
    for (const connection of state.device.connections)
      connection.send(Buffer.from('?'), { lifetime: 900 }).catch(() => {})
    state.peer.connect({ timeout: 8_000 }).catch(() => {})
  }, 200)
}

/** Something that is sent from now on is answered. */
async function answered({ state }) {
  // What was on its way is not meant.
  await new Promise((resolve) => setTimeout(resolve, 500))
  await new Promise((resolve) => {
    state.answered = resolve
  })
}

async function answer({ Device, PrivateKey, state }, driver) {
  state.device = await Device.open({ privateKey: PrivateKey.generate(), driver, authorize: () => true })
  state.device.on('connection', async (connection) => {
    for await (const { bytes } of connection.messages()) connection.send(bytes).catch(() => {})
  })
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
