// One end of a pair of builds: it dials and says what came of it, or echoes whatever it is sent.

import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'

const { url, number, protocols, peer, early } = JSON.parse(process.argv[2])
const { Device, PrivateKey } = await import(url)
const key = (number) => PrivateKey.from(new Uint8Array(32).fill(number + 1))

/** Priorities and lengths. */
const MESSAGES = [
  [0, 1 << 20],
  [200, 0],
  [200, 100],
  [9, 70_000],
  [255, 1],
]

const STREAM = 1 << 20

const device = await Device.open({ privateKey: key(number), listen: { host: '127.0.0.1' }, protocols })
process.once('disconnect', () => process.exit())

if (peer === undefined) {
  device.addPeer({ publicKey: key(1 - number).publicKey })
  device.on('connection', echo)
  process.send({ port: device.address.port })
} else {
  await dial(device.addPeer({ publicKey: key(1 - number).publicKey, endpoint: `127.0.0.1:${peer}` }))
}

async function echo(connection) {
  process.send({ accepted: connection.protocol })
  connection.on('stream', (stream) => stream.pipe(stream))
  connection.closed.then(({ by, code, reason }) => process.send({ closed: { by, code, reason } }))
  for await (const { bytes, priority } of connection.messages()) void connection.send(bytes, { priority })
}

async function dial(peer) {
  const connection = await peer.connect({ ...(early && { early }) }).catch((error) => {
    process.send({ failed: { code: error.code, message: error.message } })
  })
  if (connection === undefined) return
  const stream = connection.openStream({ priority: 3 })
  stream.end(Buffer.alloc(STREAM, 7))
  let streamed = 0
  stream.on('data', (chunk) => {
    streamed += chunk.length
  })
  const ended = once(stream, 'end')
  const echoes = []
  const reading = (async () => {
    for await (const { bytes, priority } of connection.messages()) {
      echoes.push([priority, bytes.length])
      if (echoes.length === MESSAGES.length) return
    }
  })()
  const sent = MESSAGES.map(([priority, length]) => connection.send(Buffer.alloc(length, priority), { priority }))
  const outcomes = await Promise.all(sent.map(async (send) => (await send).settled))
  await reading
  await ended
  // Nothing more comes of it: what was sent is settled, and the echo's word about itself is small.
  await setTimeout(0)
  process.send({ connected: { protocol: connection.protocol, outcomes: [...new Set(outcomes)], echoes, streamed } })
  await connection.close({ code: 1_000, reason: 'enough' })
  process.send({ done: true })
}
