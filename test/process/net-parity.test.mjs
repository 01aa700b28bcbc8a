// What a program sees of a stream, beside what it sees of a socket of node:net: one script over both.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from '../../dist/index.mjs'
import { destroyed } from './parity/destroyed.mjs'
import { ends } from './parity/ends.mjs'
import { flow } from './parity/flow.mjs'

/**
 * Each gets two ends, and gives what there was to see. `differs`: what a stream of warren shows instead, and `docs/streams.md` says
 * why. `half`: both ends have allowHalfOpen.
 */
const BEHAVIOURS = { ...ends, ...flow, ...destroyed }

const kinds = {}
const closing = []

before(async () => {
  kinds.net = await overNet()
  kinds.warren = await overWarren('native')
  kinds.script = await overWarren('script')
})

after(() => Promise.all(closing.map((close) => close())))

for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
  const { run, half: allowHalfOpen = false, differs } = typeof behaviour === 'function' ? { run: behaviour } : behaviour
  test(name, { timeout: 30_000 }, async () => {
    const results = {}
    for (const [kind, connect] of Object.entries(kinds)) {
      const pair = await connect({ allowHalfOpen })
      try {
        results[kind] = await run({ ...pair, kind })
      } finally {
        for (const end of [pair.near, pair.far]) end.on('error', () => undefined).destroy()
      }
    }
    for (const kind of ['warren', 'script']) {
      if (differs === undefined) assert.deepEqual(results[kind], results.net)
      else assert.deepEqual([results[kind], differs === results.net], [differs, false])
    }
  })
}

async function overNet() {
  const servers = {}
  for (const allowHalfOpen of [false, true]) {
    const accepted = []
    const server = net.createServer({ allowHalfOpen }, (socket) => accepted.push(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers[allowHalfOpen] = { server, accepted }
    closing.push(() => {
      server.close()
      for (const socket of accepted) socket.destroy()
    })
  }
  return async ({ allowHalfOpen }) => {
    const { server, accepted } = servers[allowHalfOpen]
    const open = (options) => net.connect({ port: server.address().port, host: '127.0.0.1', ...options })
    const near = open({ allowHalfOpen })
    await once(near, 'connect')
    // One that a behaviour opened besides, and destroyed, may come in between.
    let far
    while (far?.remotePort !== near.localPort) {
      far?.destroy()
      far = accepted.shift() ?? (await once(server, 'connection').then(() => undefined))
    }
    return { near, far, open, arrived: () => undefined }
  }
}

async function overWarren(driver) {
  const device = (options) =>
    Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver, ...options })
  const lines = {}
  for (const allowHalfOpen of [false, true]) {
    const [dialler, acceptor] = [await device(), await device({ allowHalfOpen, authorize: () => true })]
    const endpoint = `127.0.0.1:${acceptor.address.port}`
    const connection = await dialler.addPeer({ publicKey: acceptor.publicKey, endpoint }).connect()
    if (acceptor.connections.size === 0) await once(acceptor, 'connection')
    const [accepted] = acceptor.connections
    lines[allowHalfOpen] = { connection, accepted }
    closing.push(() => Promise.all([dialler.close({ timeout: 0 }), acceptor.close({ timeout: 0 })]))
  }
  return async ({ allowHalfOpen }) => {
    const { connection, accepted } = lines[allowHalfOpen]
    const open = (options) => connection.openStream(options)
    const name = String(Math.random())
    const opened = new Promise((resolve) => {
      accepted.on('stream', function listener(stream) {
        if (stream.name !== name) return
        accepted.off('stream', listener)
        resolve(stream)
      })
    })
    const near = open({ allowHalfOpen, name })
    const arrived = async () => {
      while (connection.stats().inFlight > 0 || connection.stats().unsent > 0) await sleep(1)
    }
    return { near, far: await opened, open, arrived }
  }
}
