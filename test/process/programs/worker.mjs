// A worker with two devices that exchange messages without end, and a third that idles.

import { parentPort, workerData } from 'node:worker_threads'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const open = (options) =>
  Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    driver: workerData.driver,
    ...options,
  })
const [near, far, idle] = await Promise.all([open(), open({ authorize: () => true }), open()])
far.on('connection', async (connection) => {
  for await (const { bytes } of connection.messages()) await connection.send(bytes)
})
const peer = near.addPeer({ publicKey: far.publicKey, endpoint: `127.0.0.1:${far.address.port}` })
const connection = await peer.connect()
for (let count = 0; count < 8; count++) await connection.send(Buffer.alloc(100_000))
void (async () => {
  for await (const { bytes } of connection.messages()) await connection.send(bytes)
})()

parentPort.postMessage([near, far, idle].map((device) => device.address.port))
if (workerData.end === 'exit') setTimeout(() => process.exit(0), 20)
if (workerData.end === 'throw') {
  setTimeout(() => {
    throw new Error('of this test')
  }, 20)
}
if (workerData.end === 'unref') for (const device of [near, far, idle]) device.unref()
