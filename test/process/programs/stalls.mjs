// One of two ends: sends numbered messages in two lanes, reads as many, and stands still when it is told to.

import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const COUNT = 60
const SIZES = new Map([
  [0, 256 * 1_024],
  [200, 1_000],
])

const { driver, deadAfter } = JSON.parse(process.argv[2])
const device = await Device.open({
  privateKey: PrivateKey.generate(),
  listen: { host: '127.0.0.1' },
  driver,
  deadAfter,
  authorize: () => true,
})

process.on('message', async ({ connect, stall }) => {
  if (connect !== undefined) await device.addPeer(connect).connect()
  if (stall !== undefined) {
    const end = performance.now() + stall
    while (performance.now() < end);
  }
})

device.on('connection', async (connection) => {
  connection.closed.then(({ by, error }) => process.send({ closed: { by, code: error?.code } }))
  const next = new Map()
  const reading = (async () => {
    for await (const { bytes, priority } of connection.messages()) {
      const expected = next.get(priority) ?? 0
      if (bytes.readUInt32LE() !== expected) process.send({ disorder: { priority, expected } })
      next.set(priority, expected + 1)
      if ([...next.values()].every((count) => count === COUNT) && next.size === SIZES.size) return
    }
  })()
  const sending = Array.from(SIZES, ([priority, size]) => send(connection, priority, size))
  const outcomes = (await Promise.all(sending)).flat()
  await reading
  process.send({
    done: { received: [...next.values()], delivered: outcomes.filter((one) => one === 'delivered').length },
  })
})

const { publicKey, address } = device
process.send({ open: { publicKey, endpoint: `${address.host}:${address.port}` } })

async function send(connection, priority, size) {
  const settled = []
  for (let index = 0; index < COUNT; index++) {
    const bytes = Buffer.alloc(size)
    bytes.writeUInt32LE(index)
    const outgoing = await connection.send(bytes, { priority })
    settled.push(outgoing.settled)
    if (index === 5 && priority === 0) process.send({ underWay: true })
    await sleep(5)
  }
  return Promise.all(settled)
}
