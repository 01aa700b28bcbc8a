// One end of a stream of single bytes; the end that reads stands still when it is told to.

import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const { driver, bytes } = JSON.parse(process.argv[2])
const device = await Device.open({
  privateKey: PrivateKey.generate(),
  listen: { host: '127.0.0.1' },
  driver,
  authorize: () => true,
})
let stream

device.on('connection', (connection) => {
  connection.on('stream', (incoming) => {
    let read = 0
    incoming.on('data', (chunk) => {
      if (read === 0) process.send({ begun: true })
      read += chunk.length
      if (read === bytes) process.send({ read })
    })
  })
})

process.on('message', async ({ connect, write, stall }) => {
  if (connect !== undefined) {
    const connection = await device.addPeer(connect).connect()
    stream = connection.openStream({ direction: 'out' })
  }
  for (let byte = 0; byte < write; byte++) {
    stream.write(Buffer.alloc(1))
    await sleep(1)
  }
  if (write !== undefined) process.send({ wrote: true })
  if (stall !== undefined) {
    const end = performance.now() + stall
    while (performance.now() < end);
  }
})

process.send({ open: { publicKey: device.publicKey, endpoint: device.address } })
