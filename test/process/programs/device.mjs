// A process with one device, connected to the peer that it is told; it ends as it is told.

import { Device, PrivateKey } from '../../../dist/index.mjs'

const { driver, end, peer } = JSON.parse(process.argv[2])
const device = await Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' }, driver })
if (peer !== undefined) await device.addPeer(peer).connect()
process.stdout.write('ready\n')
if (end === 'exit') process.exit(3)
if (end === 'throw') throw new Error('of this test')
if (end === 'unref') device.unref()
