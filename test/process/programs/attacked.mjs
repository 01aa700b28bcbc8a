// A device that is attacked, and echoes what an honest peer sends on a stream; it tells what it holds when it is asked.

import { setImmediate } from 'node:timers/promises'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const { hostile, limits } = JSON.parse(process.argv[2])
const key = (number) => PrivateKey.from(new Uint8Array(32).fill(number + 1))

const thrown = []
for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error) => thrown.push(String(error)))

const device = await Device.open({ privateKey: key(0), listen: { host: '127.0.0.1' }, protocols: ['test'], limits })
device.on('error', (error) => thrown.push(String(error)))
const honest = device.addPeer({ publicKey: key(1).publicKey })
// The hostile peer, and those who hold dials for it.
for (const number of [2, ...Array.from({ length: 64 }, (_, at) => 100 + at)]) {
  device.addPeer({ publicKey: key(number).publicKey })
}
device.on('connection', (connection) => {
  if (connection.peer === honest) {
    connection.on('stream', (stream) => stream.pipe(stream).on('error', () => {}))
    return
  }
  if (hostile !== 'ignores') void read(connection)
  if (hostile === 'writes') void write(connection)
})

async function read(connection) {
  connection.on('stream', (stream) => {
    stream.on('error', () => {}).resume()
    if ('end' in stream) stream.end()
  })
  for await (const _ of connection.messages());
}

async function write(connection) {
  const stream = connection.openStream({ direction: 'out' }).on('error', () => {})
  const line = Buffer.alloc(20, 65)
  while (connection.isOpen && !stream.destroyed) {
    for (let count = 0; count < 200 && stream.write(line); count++);
    if (!stream.writableNeedDrain) await setImmediate()
    else await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), connection.closed])
  }
}

process.on('message', () => {
  globalThis.gc()
  process.send({ thrown, resident: process.memoryUsage.rss(), stats: device.stats(), open: device.connections.size })
})
process.once('disconnect', () => process.exit())
process.send({ port: device.address.port })
