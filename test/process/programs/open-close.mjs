// Opens and closes devices; prints what that left behind, once Node and the allocator have their sizes.

import { setTimeout as sleep } from 'node:timers/promises'
import { Device, PrivateKey } from '../../../dist/index.mjs'
import { descriptors, deviceThreads, eventually } from '../threads.mjs'

const driver = process.argv[2]
const open = () => Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver })

async function rounds(count) {
  for (let round = 0; round < count; round++) {
    const devices = await Promise.all([open(), open()])
    await Promise.all(devices.map((device) => device.close()))
  }
  await sleep(50)
  for (let times = 0; times < 5; times++) globalThis.gc()
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  // V8 grows its young generation by up to 16 MiB as it likes: of its heap only what is used counts.
  return rss - heapTotal + heapUsed
}

const memory = await rounds(400)
const before = descriptors()
const growth = (await rounds(200)) - memory
const left = (await eventually(descriptors, before)) - before
process.stdout.write(JSON.stringify({ growth, descriptors: left, threads: deviceThreads() }))
