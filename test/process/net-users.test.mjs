// Programs that were written for sockets, over streams: node:http, the undici that is in Node, ws.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { Device, PrivateKey } from '../../dist/index.mjs'

for (const driver of ['native', 'script']) {
  let near
  let far
  let connection
  let streams = 0
  const server = http.createServer(async (request, response) => {
    const { method, url, socket } = request
    if (url === '/slow') return
    const body = await buffer(request)
    response.setHeader('x-from', socket.remoteAddress)
    response.end(url === '/echo' ? body : `${method} ${url}`)
  })
  const sockets = new WebSocketServer({ noServer: true })

  before(async () => {
    const open = (options) =>
      Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })
    // A server of node:http makes its own sockets half open too.
    ;[near, far] = [await open(), await open({ authorize: () => true, allowHalfOpen: true })]
    far.on('connection', (accepted) =>
      accepted.on('stream', (stream) => {
        streams += 1
        server.emit('connection', stream)
      }),
    )
    server.on('upgrade', (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (message, isBinary) => client.send(message, { binary: isBinary }))
      }),
    )
    connection = await near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) }).connect()
  })

  after(() => Promise.all([near.close({ timeout: 0 }), far.close({ timeout: 0 })]))

  const agentOver = (options) => {
    const agent = new http.Agent(options)
    agent.createConnection = () => connection.openStream({ name: 'http' })
    return agent
  }
  const ask = async (options, body) => {
    const request = http.request({ host: 'peer', ...options })
    request.end(body)
    const [response] = await once(request, 'response')
    return { response, body: await buffer(response) }
  }

  test(`http.Agent keeps a stream alive and uses it again (${driver})`, async () => {
    const agent = agentOver({ keepAlive: true, maxSockets: 1, timeout: 20_000 })
    const before = streams
    for (let n = 0; n < 20; n++) {
      const { response, body } = await ask({ agent, path: `/${n}` })
      assert.deepEqual([response.statusCode, String(body)], [200, `GET /${n}`])
      assert.equal(response.headers['x-from'], [...far.connections][0].peer.address)
    }
    assert.equal(streams - before, 1)
    const [[idle]] = Object.values(agent.freeSockets)
    agent.destroy()
    await closed(idle)
    assert.equal(idle.errored, null)
  })

  test(`http.Agent without keep-alive closes each stream at both ends (${driver})`, async () => {
    const agent = agentOver({ keepAlive: false })
    const before = streams
    for (let n = 0; n < 20; n++) {
      const { response } = await ask({ agent, path: '/' })
      await closed(response.socket)
      assert.equal(response.socket.errored, null)
    }
    assert.equal(streams - before, 20)
  })

  test(`a request and its response of 4 MiB pass (${driver})`, async () => {
    const body = Buffer.alloc(4 * 2 ** 20, 'warren')
    const { body: echoed } = await ask({ agent: agentOver({}), method: 'POST', path: '/echo' }, body)
    assert.ok(echoed.equals(body))
  })

  test(`a request that is given up, and one that takes too long, end their streams (${driver})`, async () => {
    for (const give of [(request) => request.destroy(), (request) => request.setTimeout(50, () => request.destroy())]) {
      const request = http.get({ host: 'peer', path: '/slow', agent: agentOver({}) })
      request.on('error', () => undefined)
      const [socket] = await once(request, 'socket')
      give(request)
      await closed(socket)
    }
  })

  test(`the undici of Node fetches over streams (${driver})`, async () => {
    await fetch('data:,').then((response) => response.text())
    const { constructor: Agent } = globalThis[Symbol.for('undici.globalDispatcher.1')]
    const connect = (_, callback) => callback(null, connection.openStream())
    const dispatcher = new Agent({ connect })
    const responses = await Promise.all(Array.from({ length: 10 }, (_, n) => fetch(`http://peer/${n}`, { dispatcher })))
    const texts = await Promise.all(responses.map((response) => response.text()))
    assert.deepEqual(
      texts,
      Array.from({ length: 10 }, (_, n) => `GET /${n}`),
    )
    const body = 'x'.repeat(1_000_000)
    const echo = await fetch('http://peer/echo', { dispatcher, method: 'POST', body })
    assert.equal(await echo.text(), body)
    await dispatcher.close()
  })

  test(`ws speaks over a stream, and closes it (${driver})`, async () => {
    const client = new WebSocket('ws://peer/', { createConnection: () => connection.openStream() })
    await once(client, 'open')
    for (const message of ['text', Buffer.alloc(300_000, 1)]) {
      client.send(message)
      const [echoed] = await once(client, 'message')
      assert.ok(echoed.equals(Buffer.from(message)))
    }
    client.ping()
    await once(client, 'pong')
    client.close(1000, 'done')
    const [code] = await once(client, 'close')
    assert.equal(code, 1000)
  })

  test(`nothing is left of all that (${driver})`, async () => {
    while (near.stats().streams > 0 || far.stats().streams > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  })
}

function endpointOf({ address }) {
  return `127.0.0.1:${address.port}`
}

function closed(stream) {
  return new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)))
}
