import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import { Device, type DeviceOptions, type Peer, PrivateKey } from 'warren'
import { WORLD } from '../../../lib/drivers/world.js'
import { VirtualWorld } from './virtual-world.js'

/** One way, in milliseconds. */
const DELAY = 20

describe('the first echoed byte over 20 ms one way', () => {
  it('is there two round trips after the dial began where it leaves with the hello, and three where it does not', async () => {
    for (const [early, roundTrips] of [
      [true, 2],
      [false, 3],
    ] as const) {
      const { world, devices, dialled } = await pair()
      const began = world.clock.now()
      const echo = firstByte(dialled[0], early).then(() => world.clock.now() - began)
      await world.advance(1_000)
      expectWithin(await echo, roundTrips)
      await close(world, devices)
    }
  })

  it('is there two round trips after both ends began to dial where the own dial survives, and half of one later elsewhere', async () => {
    const { world, devices, dialled } = await pair()
    const began = world.clock.now()
    const echoes = dialled.map((peer) => firstByte(peer, true).then(() => world.clock.now() - began))
    await world.advance(1_000)
    const [first, second] = (await Promise.all(echoes)).sort((one, other) => one - other)
    expectWithin(first, 2)
    expectWithin(second, 2.5)
    for (const device of devices) expect(device.connections.size).toBe(1)
    await close(world, devices)
  })
})

/** Round trips, and less than 5 ms in which neither end waits for the other. */
function expectWithin(milliseconds: number | undefined, roundTrips: number): void {
  const least = roundTrips * 2 * DELAY
  expect(milliseconds).toBeGreaterThanOrEqual(least)
  expect(milliseconds).toBeLessThan(least + 5)
}

async function pair() {
  const world = new VirtualWorld({ seed: 1, delay: DELAY })
  const devices = await Promise.all([1, 2].map((port) => open(world, port)))
  for (const device of devices) {
    device.on('connection', (connection) => {
      connection.on('stream', (stream) => {
        if (stream instanceof Duplex) stream.pipe(stream)
      })
    })
  }
  const [near, far] = devices as [Device, Device]
  const dialled = [
    near.addPeer({ publicKey: far.publicKey, endpoint: '127.0.0.1:2' }),
    far.addPeer({ publicKey: near.publicKey, endpoint: '127.0.0.1:1' }),
  ] as const
  return { world, devices, dialled }
}

function open(world: VirtualWorld, port: number): Promise<Device> {
  const options: DeviceOptions = {
    privateKey: PrivateKey.generate(),
    listen: port,
    driver: 'script',
    protocols: ['p/1'],
  }
  return Device.open({ ...options, [WORLD]: world } as DeviceOptions)
}

async function firstByte(peer: Peer, early: boolean): Promise<void> {
  const connection = await peer.connect({ early })
  const stream = connection.openStream()
  stream.write('x')
  await once(stream, 'data')
  await connection.confirmed
}

async function close(world: VirtualWorld, devices: readonly Device[]): Promise<void> {
  const closing = Promise.all(devices.map((device) => device.close({ timeout: 0 })))
  await world.advance(1_000)
  await closing
}
