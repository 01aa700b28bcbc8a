import { Device, type Peer, PrivateKey } from 'warren'
import type { Receiver } from '../../../lib/driver.js'
import { WORLD, type World } from '../../../lib/drivers/world.js'
import { FakeDriver } from '../fake-driver.js'
import { VirtualWorld } from './virtual-world.js'

/** A device that speaks 'p/1' and 'p/2', with one peer, and a driver that does as it is told: a test says what the network does. */
export interface ToldDevice {
  readonly world: VirtualWorld
  readonly driver: FakeDriver
  readonly device: Device
  readonly peer: Peer
  /** Takes the driver's events. The peer's number is 1. */
  readonly receiver: Receiver
}

export async function toldDevice(): Promise<ToldDevice> {
  const world = new VirtualWorld({ seed: 1 })
  const driver = new FakeDriver()
  const told: { receiver?: Receiver } = {}
  const open: World['open'] = async (_options, receiver) => {
    told.receiver = receiver
    return driver
  }
  const around = { clock: world.clock, uptime: world.uptime, soon: world.soon, bind: world.bind, open }
  const privateKey = PrivateKey.generate()
  const device = await Device.open({ privateKey, protocols: ['p/1', 'p/2'], [WORLD]: around } as never)
  const peer = device.addPeer({ publicKey: PrivateKey.generate().publicKey })
  return { world, driver, device, peer, receiver: told.receiver as Receiver }
}
