import assert from 'node:assert/strict'
import { PrivateKey } from '../../../dist/index.mjs'
import { called, connected, deviceOf, open, reaching } from './nodes.mjs'
import { constOf, run } from './page.mjs'

const privateKey = PrivateKey.generate()

export default async function (page, context) {
  const Device = deviceOf(context)
  const { connection, accepted, near, far } = await connected(context)

  await run(page.next(), { Device, privateKey })
  const upgrading = await open(context)
  await run(page.next(), { device: upgrading })
  assert.deepEqual(upgrading.protocols.offer, ['ledger/2', 'ledger/1'])
  const registry = { has: async () => true }
  const device = await constOf('device', page.next(), { Device, privateKey, registry })
  const stranger = await open(context)
  const second = await stranger.addPeer({ publicKey: device.publicKey, endpoint: device.address }).connect()
  assert.equal(second.isOpen, true)

  const { publicKey } = PrivateKey.generate()
  const peer = await constOf('peer', page.next(), { device: reaching(device, '127.0.0.1:9'), publicKey })
  assert.equal(device.peers.get(publicKey), peer)

  const [greet, greeted] = called()
  const staying = reaching(await open(context), device.address)
  await run(page.next(), { device: staying, publicKey: device.publicKey, greet, log() {} })
  const [greeting] = await greeted
  assert.equal(greeting.peer.publicKey, device.publicKey)

  const [vote, voted] = called()
  const [sending, reading] = page.next().split('\n')
  const { signal } = new AbortController()
  void run(reading, { connection: accepted, vote })
  await run(sending.replace('2_000', '60_000'), { connection, bytes: Buffer.from('yes'), signal })
  assert.equal(String(await voted), 'yes')

  const [count, counted] = called()
  const other = await near.addPeer({ publicKey: device.publicKey, endpoint: device.address }).connect()
  await run(page.next(), { device: near, bytes: Buffer.from('news'), message: { connection: other }, count })
  assert.deepEqual(await counted, [near.peers.get(far.publicKey), 'delivered'])

  await run(page.next(), { Device, privateKey })

  const [opening, echoing] = page.next().split('\n')
  await run(echoing, { connection: accepted })
  const stream = await constOf('stream', opening, { connection })
  stream.end('echo')
  assert.equal(String(Buffer.concat(await stream.toArray())), 'echo')
}
