// Opens TCP connections to an address of this machine, then a device: `connected-open.mjs <address> <connections>`.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const [address, count] = process.argv.slice(2)
const server = createServer().listen(0, address)
await once(server, 'listening')
for (let made = 0; made < Number(count); made++) await once(connect(server.address().port, address), 'connect')
const device = await Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
console.log(`${count} connections, a device is open`)
await device.close()
process.exit()
