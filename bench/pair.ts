import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Device, PrivateKey } from 'warren'
import type { Figure } from './figures.js'
import type { Options, Program } from './program.js'

/** What the far process says first. */
export interface Address {
  readonly publicKey: string
  readonly endpoint: string
}

/** Runs a program's far end in a process of its own, and its near end here. */
export async function withPair(program: Program, options: Options): Promise<readonly Figure[]> {
  const far = fork(join(__dirname, 'far.js'), [program.name, JSON.stringify(options)], { serialization: 'advanced' })
  const [address] = (await once(far, 'message')) as [Address]
  const device = await Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    protocols: ['bench/1'],
    driver: options.driver,
    uplink: options.uplink,
  })
  try {
    const ask = async (): Promise<unknown> => {
      far.send('ask')
      const [answer] = await once(far, 'message')
      return answer
    }
    return await program.measure({ options, device, peer: device.addPeer(address), ask })
  } finally {
    await device.close()
    far.disconnect()
    await once(far, 'exit')
  }
}
