// A dial that succeeds, with traffic, and one that fails. Prints what no log may show.

import { once } from 'node:events'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const [, , driver] = process.argv
const presharedKey = PrivateKey.generate().export()
const keys = [PrivateKey.generate(), PrivateKey.generate()]
const [near, far] = await Promise.all(
  keys.map((privateKey) => Device.open({ privateKey, listen: { host: '127.0.0.1' }, driver })),
)
far.addPeer({ publicKey: near.publicKey, presharedKey })
const nobody = near.addPeer({ publicKey: PrivateKey.generate().publicKey, endpoint: '127.0.0.1:9' })
await nobody.connect({ timeout: 1 }).catch(() => undefined)
const peer = near.addPeer({ publicKey: far.publicKey, endpoint: far.address, presharedKey })
const accepted = once(far, 'connection')
const connection = await peer.connect({ timeout: 60_000 })
const arrivals = (await accepted)[0].messages()
for (let n = 0; n < 500; n++) await connection.send(Buffer.from(`the bytes of message ${n}`))
for (let n = 0; n < 500; n++) await arrivals.next()
for (let n = 0; n < 100; n++) peer.sendPacket(Buffer.alloc(40).fill(0x60, 0, 1))
const stream = connection.openStream({ direction: 'out', priority: 3, name: 'balance' })
await new Promise((resolve) => stream.end('12345', resolve))
await connection.close({ code: 7, reason: 'done\n' })
await near.close()
await far.close()
console.log(JSON.stringify([presharedKey, ...keys.map((key) => key.export()), 'the bytes of message', '12345']))
