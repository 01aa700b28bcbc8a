/** The far end of a pair, in a process of its own: `far.js <program> <options>`. */

import { Device, PrivateKey } from 'warren'
import { dial } from './dial.js'
import { flood } from './flood.js'
import { neighbours } from './neighbours.js'
import type { Address } from './pair.js'
import type { Options } from './program.js'
import { stream } from './stream.js'
import { urgent } from './urgent.js'

async function main(name: string, options: Options): Promise<void> {
  const program = [stream, urgent, dial, neighbours, flood].find((each) => each.name === name)
  if (program === undefined) throw new Error(`no program ${name}`)
  const device = await Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    protocols: ['bench/1'],
    authorize: () => true,
    driver: options.driver,
  })
  const answer = program.serve(device)
  process.on('message', () => process.send?.(answer()))
  process.once('disconnect', () => void device.close())
  const address: Address = { publicKey: device.publicKey, endpoint: `${device.address.host}:${device.address.port}` }
  process.send?.(address)
}

void main(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '{}') as Options)
