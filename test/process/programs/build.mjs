// One end of a pair of builds: it dials and says what came of it, or echoes whatever it is sent.

import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'

const { url, number, protocols, peer, early, moves } = JSON.parse(process.argv[2])
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
  const options = { publicKey: key(1 - number).publicKey, endpoint: `127.0.0.1:${peer}` }
  await (moves === undefined ? dial(device.addPeer(options)) : move(device.addPeer({ ...options, connect: true })))
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

/** Sends all the time while its protocols change, each time once it speaks those before. */
async function move(peer) {
  const spoken = []
  device.on('connection', ({ protocol }) => spoken.push(protocol))
  const outcomes = []
  let isMoving = true
  const sending = (async () => {
    while (isMoving) {
      outcomes.push(send(peer))
      await setTimeout(2)
    }
  })()
  await speaks(peer, protocols[0])
  for (const next of moves) {
    await setTimeout(200)
    device.setProtocols(next)
    await speaks(peer, next[0])
  }
  await setTimeout(200)
  isMoving = false
  await sending
  const settled = new Set(await Promise.all(outcomes))
  process.send({ moved: { spoken, outcomes: [...settled] } })
}

/** Sends on the connection of the moment, and on the next one where that one sends no more. */
async function send(peer) {
  const bytes = Buffer.alloc(2_000)
  for (;;) {
    try {
      const connection = await peer.connect()
      return await (await connection.send(bytes)).settled
    } catch (error) {
      if (error.code !== 'ERR_WARREN_SUPERSEDED' && error.code !== 'ERR_WARREN_CONNECTION_CLOSED') return error.code
    }
  }
}

async function speaks(peer, protocol) {
  while ((await peer.connect()).protocol !== protocol) await setTimeout(10)
}
