import { expect, it } from '@jest/globals'
import { Device, PrivateKey } from 'warren'
import type { Receiver } from '../../../lib/driver.js'
import { WORLD, type World } from '../../../lib/drivers/world.js'
import { FakeDriver } from '../fake-driver.js'
import { VirtualWorld } from './virtual-world.js'

const PEERS = 1_000

/** A driver of peers that are all there at once, and answer each dial after 20 ms. */
class Crowd extends FakeDriver {
  readonly world: VirtualWorld
  receiver: Receiver | undefined
  #peers = 0
  #connections = 0
  /** Dials that are not answered yet, now and at most. */
  dialling = 0
  most = 0

  constructor(world: VirtualWorld) {
    super()
    this.world = world
  }

  override addPeer(): number {
    this.#peers += 1
    return this.#peers
  }

  override connect(peer: number, protocols: readonly string[] | undefined): number {
    this.dialling += 1
    this.most = Math.max(this.most, this.dialling)
    return this.up(peer, protocols?.[0] ?? 'p/1', 20)
  }

  up(peer: number, protocol: string, delay: number): number {
    this.#connections += 1
    const connection = this.#connections
    const theirs = { generation: 1, offer: ['p/1', 'p/2'], accept: ['p/1', 'p/2'], transports: ['quic/1'] }
    this.world.clock.after(delay, () => {
      if (delay > 0) this.dialling -= 1
      this.receiver?.connected(connection, peer, 'local', protocol, theirs)
      this.receiver?.confirmed(connection)
    })
    return connection
  }
}

it('a device with 1,000 peers that raises its floor tells each once, and dials some at a time', async () => {
  const world = new VirtualWorld({ seed: 3 })
  const driver = new Crowd(world)
  const open: World['open'] = async (_options, receiver) => {
    driver.receiver = receiver
    return driver
  }
  const around = { clock: world.clock, uptime: world.uptime, soon: world.soon, bind: world.bind, open }
  const options = { privateKey: PrivateKey.generate(), protocols: ['p/1', 'p/2'], [WORLD]: around }
  const device = await Device.open(options)
  device.on('connection', () => undefined)
  for (let peer = 1; peer <= PEERS; peer++) {
    device.addPeer({ publicKey: PrivateKey.generate().publicKey })
    driver.up(peer, 'p/1', 0)
  }
  await world.advance(1)
  expect(device.connections.size).toBe(PEERS)

  device.setFloor('p/2', { grace: 60_000 })
  expect(driver.given('announce')).toHaveLength(PEERS)
  await world.advance(1)
  expect(driver.most).toBeLessThanOrEqual(64)
  await world.advance(10_000)
  expect(driver.given('connect').length).toBeLessThanOrEqual(PEERS)
  const current = Array.from(device.peers.values(), ({ protocols }) => protocols.get('p')?.current)
  expect(new Set(current)).toEqual(new Set(['p/2']))
  expect(driver.given('announce')).toHaveLength(PEERS)
  expect(driver.given('closeConnection').filter(([, , reason]) => reason !== 'superseded')).toEqual([])
}, 60_000)
