// In which async context events run: what AsyncLocalStorage holds in their listeners, whatever the version of Node.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { Device, PrivateKey } from '../../dist/index.mjs'

const storage = new AsyncLocalStorage()
const contexts = () => {
  const seen = []
  return { seen, note: (what) => () => seen.push(`${what} in ${storage.getStore()}`) }
}

for (const driver of ['native', 'script']) {
  const open = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })

  test(`events run where their device was opened, those of a stream where it was (${driver})`, async () => {
    const { seen, note } = contexts()
    const far = await storage.run('far', () => open({ authorize: () => note('authorize')() > 0 }))
    const near = await storage.run('near', () => open())
    storage.run('a listener', () => {
      far.on('peer', ({ type }) => note(`far ${type}`)())
      near.on('peer', ({ type }) => note(`near ${type}`)())
      near.on('connection', note('near connection')).on('connectionClose', note('near connectionClose'))
      near.on('close', note('near close'))
    })
    const peer = storage.run('a call', () => near.addPeer({ publicKey: far.publicKey, endpoint: far.address }))
    const connection = await storage.run('a call', () => peer.connect())
    const stream = storage.run('a request', () => connection.openStream())
    storage.run('a call', () => stream.write('question'))
    storage.run('a call', () => connection.sendDatagram(Buffer.alloc(1)))
    while (far.connections.size === 0) await new Promise((resolve) => setImmediate(resolve))
    // These were held: whoever listens first gets them, and still not in its own context.
    const answered = new Promise((resolve) => {
      storage.run('a listener', () => {
        far.on('connection', (accepted) => {
          note('far connection')()
          accepted.on('close', note('far close')).on('datagram', note('far datagram'))
          accepted.on('stream', (incoming) => {
            note('far stream')()
            incoming.on('end', note('far end')).resume()
            resolve(incoming)
          })
        })
      })
    })
    const incoming = await answered
    storage.run('a listener', () => stream.on('data', note('stream data')).on('close', note('stream close')))
    // Flowing begins in the context of who makes it begin.
    await new Promise((resolve) => setImmediate(resolve))
    storage.run('a call', () => incoming.end('answer'))
    await new Promise((resolve) => stream.once('end', resolve))
    await once(stream, 'close')
    await storage.run('a call', () => near.close())
    while (far.connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
    await storage.run('a call', () => far.close())
    const whole = [
      ...['added', 'up'].map((type) => `near ${type} in near`),
      ...['connection', 'connectionClose', 'close'].map((name) => `near ${name} in near`),
      ...['added', 'up'].map((type) => `far ${type} in far`),
      ...['connection', 'stream', 'end', 'close'].map((name) => `far ${name} in far`),
      ...['authorize in far', 'stream data in a request', 'stream close in a request'],
    ]
    for (const one of whole) assert.ok(seen.includes(one), `${one}: ${seen.join(', ')}`)
    assert.deepEqual(
      seen.filter((one) => / in (undefined|a listener|a call)$/.test(one)),
      [],
    )
  })
}

test('so it is with node:net: a server has that of listen(), a socket that of connect()', async () => {
  const { seen, note } = contexts()
  const server = net.createServer()
  storage.run('near', () => server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  storage.run('a listener', () => server.on('connection', (socket) => note('connection')() && socket.end('answer')))
  const socket = storage.run('a request', () => net.connect(server.address().port, '127.0.0.1'))
  storage.run('a listener', () => socket.on('connect', note('connect')).on('close', note('close')).resume())
  await once(socket, 'close')
  server.close()
  assert.deepEqual(seen, ['connection in near', 'connect in a request', 'close in a request'])
})
