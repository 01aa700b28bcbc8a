// Packets as long as the path carries, over real links: jumbo frames, ordinary ones, shorter ones, and routers that say nothing.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { Device, PrivateKey } from '../../dist/index.mjs'
import { link, machines, reasonToSkip } from './namespaces.mjs'

const skip = reasonToSkip()
const timeout = 120_000
/** UDP payloads inside of the tunnel: of a path of 1,500 bytes, of one of 9,000, and of a loopback, whose IP packets are 65,535, over IPv6. */
const ORDINARY = 1_372
const JUMBO = 8_872
const LOOPBACK = 65_392

for (const [mtu, least, most] of [
  [9_000, JUMBO - 64, JUMBO],
  [1_500, ORDINARY, ORDINARY],
  [1_400, ORDINARY, ORDINARY],
])
  for (const family of ['IPv4', 'IPv6'])
    test(`a link of ${mtu} bytes is used as far as it carries (${family})`, { skip, timeout }, async (context) => {
      const { near, far } = await machines(context, 'near', 'far')
      await link([near, 'va', '10.97.0.1/24', 'fd00::1/64'], [far, 'vb', '10.97.0.2/24', 'fd00::2/64'])
      await near.namespace.ip('link', 'set', 'va', 'mtu', String(mtu))
      await far.namespace.ip('link', 'set', 'vb', 'mtu', String(mtu))
      const { key, port } = await far.run(answer)
      await near.run(connect, key, family === 'IPv4' ? `10.97.0.2:${port}` : `[fd00::2]:${port}`)
      assert.deepEqual(await near.run(exchange, 8_000_000), [8_000_000, 'delivered'])
      for (const machine of [near, far]) {
        const found = await machine.run(used, least)
        assert.ok(found >= least && found <= most, `${found} bytes`)
      }
    })

test('a loopback is used as far as it carries, at both ends', { timeout }, async (context) => {
  for (const host of ['127.0.0.1', '::1']) {
    const open = () => Device.open({ privateKey: PrivateKey.generate(), listen: { host }, authorize: () => true })
    const [near, far] = await Promise.all([open(), open()])
    context.after(() => Promise.all([near.close(), far.close()]))
    const accepted = once(far, 'connection')
    const at = host === '::1' ? `[::1]:${far.address.port}` : `127.0.0.1:${far.address.port}`
    const connection = await near.addPeer({ publicKey: far.publicKey, endpoint: at }).connect()
    const [other] = await accepted
    other.on('stream', (stream) => stream.pipe(stream))
    for (const end of [connection, other]) {
      const found = await used({ state: { connection: end } }, LOOPBACK)
      assert.ok(found <= LOOPBACK + 32, `${found} bytes`)
    }
    const bytes = randomBytes(8_000_000)
    const stream = connection.openStream()
    stream.end(bytes)
    const back = []
    for await (const chunk of stream) back.push(chunk)
    assert.ok(bytes.equals(Buffer.concat(back)))
  }
})

test('a shorter link behind a long one is found out though its router is silent', {
  skip,
  timeout,
}, async (context) => {
  const { near, router, far } = await behind(context)
  await silence(router)
  const { key, port } = await far.run(answer)
  await near.run(connect, key, `10.98.0.2:${port}`)
  assert.deepEqual(await near.run(exchange, 8_000_000), [8_000_000, 'delivered'])
  assert.ok((await near.run(used, ORDINARY)) < 1_500)
})

test('a path that carries jumbo frames no more goes on with ordinary ones', { skip, timeout }, async (context) => {
  const { near, router, far } = await behind(context, 9_000)
  await silence(router)
  const { key, port } = await far.run(answer)
  await near.run(connect, key, `10.98.0.2:${port}`)
  assert.ok((await near.run(used, JUMBO - 64)) >= JUMBO - 64)
  await narrow(router, far, 1_500)
  assert.deepEqual(await near.run(exchange, 2_000_000), [2_000_000, 'delivered'])
  assert.ok((await near.run(used, 0)) < 1_500)
})

test('raw packets above the path are fragmented beside a connection whose packets must not be', {
  skip,
  timeout,
}, async (context) => {
  const { near, router, far } = await behind(context, 9_000)
  const { key, port } = await far.run(answer, 9_000)
  await near.run(connect, key, `10.98.0.2:${port}`, 9_000)
  await near.run(used, JUMBO - 64)
  await narrow(router, far, 1_400)
  const exchanged = near.run(exchange, 2_000_000)
  await near.run(packets, 8_000)
  assert.deepEqual(await exchanged, [2_000_000, 'delivered'])
  // Its own packets were not fragmented, or it would not have noticed.
  assert.ok((await near.run(used, 0)) < 1_500)
  await near.run(packets, 8_000)
})

/** Two machines with jumbo frames, and a router between them whose link to the second is of this length. */
async function behind(context, mtu = 1_500) {
  const made = await machines(context, 'near', 'router', 'far')
  const { near, router, far } = made
  await link([near, 'va', '10.97.0.2/24'], [router, 'ra', '10.97.0.1/24'])
  await link([router, 'rb', '10.98.0.1/24'], [far, 'vb', '10.98.0.2/24'])
  await near.namespace.ip('link', 'set', 'va', 'mtu', '9000')
  await router.namespace.ip('link', 'set', 'ra', 'mtu', '9000')
  await narrow(router, far, mtu)
  await router.namespace.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  await near.namespace.ip('route', 'add', 'default', 'via', '10.97.0.1')
  await far.namespace.ip('route', 'add', 'default', 'via', '10.98.0.1')
  return made
}

async function narrow(router, far, mtu) {
  await router.namespace.ip('link', 'set', 'rb', 'mtu', String(mtu))
  await far.namespace.ip('link', 'set', 'vb', 'mtu', String(mtu))
}

/** Makes a router tell nobody that a packet was too long (ICMP type 3 code 4). */
async function silence(router) {
  for (const address of ['10.97.0.1', '10.98.0.1']) {
    await router.namespace.ip('rule', 'add', 'from', address, 'iif', 'lo', 'blackhole')
  }
}

async function answer({ Device, PrivateKey, state }, mtu) {
  state.device = await Device.open({ privateKey: PrivateKey.generate(), authorize: () => true, mtu })
  state.device.on('peer', ({ type, publicKey }) => {
    if (type !== 'added') return
    const peer = state.device.peers.get(publicKey)
    peer.on('packet', (packet) => {
      // The addresses of an IPv6 packet trade places.
      const back = Buffer.from(packet)
      back.set(packet.subarray(24, 40), 8)
      back.set(packet.subarray(8, 24), 24)
      peer.sendPacket(back)
    })
  })
  state.device.on('connection', async (connection) => {
    state.connection = connection
    for await (const { bytes } of connection.messages()) connection.send(bytes).catch(() => {})
  })
  return { key: state.device.publicKey, port: state.device.address.port }
}

async function connect({ Device, PrivateKey, state }, publicKey, endpoint, mtu) {
  state.device = await Device.open({ privateKey: PrivateKey.generate(), mtu })
  state.peer = state.device.addPeer({ publicKey, endpoint })
  state.connection = await state.peer.connect()
}

/** Sends a message and has it back: its length, and how it ended. */
async function exchange({ state }, length) {
  const messages = state.connection.messages()[Symbol.asyncIterator]()
  const { settled } = await state.connection.send(Buffer.alloc(length, 7))
  const { value } = await messages.next()
  return [value.bytes.length, await settled]
}

/** The UDP payload that the connection uses, as soon as it is so long. */
async function used({ state }, least) {
  const found = () => state.connection.stats().mtu
  const late = Date.now() + 60_000
  while (found() < least) {
    if (Date.now() > late) throw new Error(`${found()} bytes instead of ${least}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return found()
}

/** Sends raw packets of this length until ten have come back. */
async function packets({ state }, length) {
  const packet = Buffer.alloc(length)
  packet.writeUInt32BE(0x6000_0000, 0)
  packet.writeUInt16BE(length - 40, 4)
  packet.set([59, 64], 6)
  packet.set(octets(state.device.addresses[0]), 8)
  packet.set(octets(state.peer.address), 24)
  let back = 0
  const count = ({ length: came }) => {
    if (came === length) back++
  }
  state.peer.on('packet', count)
  while (back < 10) {
    state.peer.sendPacket(packet)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  state.peer.off('packet', count)

  function octets(address) {
    const [head, tail = ''] = address.split('::')
    const groups = (text) => (text === '' ? [] : text.split(':'))
    const zeros = Array(8 - groups(head).length - groups(tail).length).fill('0')
    const all = [...groups(head), ...zeros, ...groups(tail)]
    return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
  }
}
