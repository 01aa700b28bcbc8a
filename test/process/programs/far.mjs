// A device that lets everybody in and reads what comes; it tells its address first, and its figures when it is asked.

import { Device, PrivateKey } from '../../../dist/index.mjs'

const device = await Device.open({
  privateKey: PrivateKey.generate(),
  listen: { host: '127.0.0.1' },
  authorize: () => true,
})
let bytes = 0
device.on('connection', (connection) => {
  connection.on('stream', (stream) => {
    stream.on('data', (chunk) => {
      bytes += chunk.length
    })
  })
})
process.on('message', () => {
  process.send({ bytes, resident: process.memoryUsage.rss(), peers: device.peers.size, stats: device.stats() })
})
process.once('disconnect', () => device.close())
process.send({ publicKey: device.publicKey, port: device.address.port })
