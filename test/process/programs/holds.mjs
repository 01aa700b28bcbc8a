// One end of a pair: `receiver` reads nothing of one kind, and says what it holds; `sender` sends as much of it as it may.

import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from 'warren'

const { role, kind, seconds, limits, target } = JSON.parse(process.argv[2])
const listen = { host: '127.0.0.1', port: 0 }
const device = await Device.open({ privateKey: PrivateKey.generate(), listen, authorize: () => true, limits })

async function receive() {
  device.on('connection', (connection) => {
    if (kind === 'pieces' || kind === 'datagrams') void read(connection.messages())
    connection.on('stream', (stream) => {
      if (kind === 'datagrams') stream.resume()
    })
    void held().then((before) => process.send({ before }))
  })
  process.on('message', () => void held().then((after) => process.send({ after })))
  process.send({ open: { publicKey: device.publicKey, endpoint: `127.0.0.1:${device.address.port}` } })
}

/** What is held once collecting frees nothing more: the bytes of array buffers are freed on a thread beside this one. */
async function held() {
  let least = process.memoryUsage()
  for (let idle = 0; idle < 10; idle++) {
    globalThis.gc()
    await sleep(20)
    const now = process.memoryUsage()
    if (now.arrayBuffers < least.arrayBuffers || now.rss < least.rss) idle = 0
    least = { rss: Math.min(least.rss, now.rss), arrayBuffers: Math.min(least.arrayBuffers, now.arrayBuffers) }
  }
  return least
}

async function read(messages) {
  for await (const _ of messages);
}

async function send() {
  const connection = await device.addPeer(target).connect()
  await sleep(500)
  const end = performance.now() + seconds * 1_000
  const goesOn = () => performance.now() < end && connection.isOpen
  await KINDS[kind](connection, goesOn)
  process.send({ done: true })
}

const KINDS = {
  /** Messages of no bytes. */
  async messages(connection, goesOn) {
    const nothing = new Uint8Array()
    const late = sleep(seconds * 1_000)
    while (goesOn()) {
      const sent = Array.from({ length: 500 }, () => connection.send(nothing))
      await Promise.race([Promise.all(sent), late])
    }
  },
  /** Small pieces of streams, between messages that are read. */
  async pieces(connection, goesOn) {
    const [small, large] = [Buffer.alloc(1_200, 1), Buffer.alloc(25_000, 2)]
    const streams = Array.from({ length: 8 }, () => connection.openStream({ direction: 'out' }))
    for (let turn = 0; goesOn(); turn++) {
      streams[turn % 8].write(small)
      await (await connection.send(large)).settled
    }
  },
  /** Datagrams that nobody listens to, between bulk that is read. */
  async datagrams(connection, goesOn) {
    const stream = connection.openStream({ direction: 'out' })
    while (goesOn()) {
      connection.sendDatagram(Buffer.alloc(500))
      await new Promise((resolve) => stream.write(Buffer.alloc(1 << 20), resolve))
    }
  },
}

if (role === 'receiver') await receive()
else await send()
