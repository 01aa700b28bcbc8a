import { describe, expect, it } from '@jest/globals'
import { type Connection, Device, type Peer, PrivateKey, type ProtocolsOption } from 'warren'
import type { Driver, DriverProtocols, Receiver } from '../../../lib/driver.js'
import { openScript } from '../../../lib/drivers/script.js'
import { WORLD, type World } from '../../../lib/drivers/world.js'
import { VirtualWorld } from './virtual-world.js'

const OLD_FIRST = ['p/1', 'p/2']
const NEW_FIRST = ['p/2', 'p/1']

interface Liar {
  readonly world: VirtualWorld
  readonly honest: Device
  /** The liar, as the honest end knows it. */
  readonly peer: Peer
  readonly device: Device
  readonly driver: Driver
  /** The connection between them at first. */
  readonly connection: Connection
  /** The number by which the liar's driver knows it, and that of its peer. */
  readonly id: number
  readonly peerId: number
  /** Commands of the honest device to dial. */
  readonly dials: unknown[][]
}

/** An honest device, and one whose driver is in the test's hands. */
async function against(protocols: ProtocolsOption, theirs: ProtocolsOption): Promise<Liar> {
  const world = new VirtualWorld({ seed: 1 })
  const dials: unknown[][] = []
  const honest = await Device.open({
    ...optionsOf(protocols),
    [WORLD]: surrounded(world, (driver) => {
      const { connect } = driver
      driver.connect = (...args) => {
        dials.push(args)
        return connect.apply(driver, args)
      }
    }),
  } as never)
  const caught: { driver?: Driver; id?: number; peerId?: number } = {}
  const device = await Device.open({
    ...optionsOf(theirs),
    [WORLD]: surrounded(world, (driver, receiver) => {
      caught.driver = driver
      const { connected } = receiver
      receiver.connected = (...event) => {
        caught.id ??= event[0]
        caught.peerId = event[1]
        connected.apply(receiver, event)
      }
    }),
  } as never)
  for (const each of [honest, device]) each.on('connection', () => undefined)
  device.addPeer({ publicKey: honest.publicKey })
  const peer = honest.addPeer({ publicKey: device.publicKey, endpoint: `127.0.0.1:${device.address.port}` })
  const connecting = peer.connect()
  await world.advance(100)
  const connection = await connecting
  dials.length = 0
  const { driver, id, peerId } = caught as Required<typeof caught>
  return { world, honest, peer, device, driver, connection, id, peerId, dials }
}

function optionsOf(protocols: ProtocolsOption) {
  return { privateKey: PrivateKey.generate(), driver: 'script', protocols } as const
}

/** The same world, in which a test holds the driver and what it tells. */
function surrounded(world: VirtualWorld, hold: (driver: Driver, receiver: Receiver) => void): World {
  const open: World['open'] = async (options, receiver) => {
    const told = { ...receiver }
    const driver = await openScript(options, told, world)
    hold(driver, told)
    return driver
  }
  return { clock: world.clock, uptime: world.uptime, soon: world.soon, bind: world.bind, open }
}

function lists(generation: number, offer: readonly string[], accept: readonly string[]): DriverProtocols {
  return { generation, offer, accept, below: [], transports: ['quic/1'] }
}

/** What was sent on a connection arrives. */
async function expectAlive({ world, connection }: Liar): Promise<void> {
  const sending = connection.send(Buffer.from('still here'))
  await world.advance(100)
  expect(await (await sending).settled).toBe('delivered')
}

async function close({ world, honest, device }: Liar): Promise<void> {
  const closed = Promise.all([honest.close({ timeout: 0 }), device.close({ timeout: 0 })])
  await world.advance(1_000)
  await closed
}

describe('a peer that lies', () => {
  it('and announces what it does not accept is asked ever more rarely, on a connection that stays', async () => {
    const liar = await against(NEW_FIRST, ['p/1'])
    liar.driver.announce(liar.id, lists(99, NEW_FIRST, NEW_FIRST))
    await liar.world.advance(120_000)
    expect(liar.peer.protocols.get('p')?.accepted).toEqual(NEW_FIRST)
    expect(liar.dials.length).toBeGreaterThan(2)
    expect(liar.dials.length).toBeLessThan(16)
    expect([...liar.honest.connections]).toEqual([liar.connection])
    await expectAlive(liar)
    await close(liar)
  }, 60_000)

  it('and flips its lists a thousand times a second costs few dials and connections', async () => {
    const liar = await against(NEW_FIRST, OLD_FIRST)
    let most = 0
    for (let flip = 0; flip < 10_000; flip++) {
      liar.device.setProtocols(flip % 2 === 0 ? NEW_FIRST : OLD_FIRST)
      await liar.world.advance(1)
      most = Math.max(most, liar.honest.connections.size)
    }
    expect(most).toBeLessThanOrEqual(5)
    expect(liar.dials.length).toBeLessThan(40)
    expect(liar.peer.protocols.get('p')?.current).toBeDefined()
    await close(liar)
  }, 120_000)

  it('and never makes the move that is its own to make keeps the connection that there is', async () => {
    const liar = await against({ offer: ['p/1'], accept: NEW_FIRST }, OLD_FIRST)
    liar.driver.announce(liar.id, lists(99, ['p/2'], ['p/2']))
    await liar.world.advance(60_000)
    expect(liar.dials).toEqual([])
    expect([...liar.honest.connections]).toEqual([liar.connection])
    await expectAlive(liar)
    await close(liar)
  }, 60_000)

  it('and answers a move twice has one connection of it', async () => {
    const liar = await against(NEW_FIRST, OLD_FIRST)
    const dial = (): void => void liar.driver.connect(liar.peerId, ['p/2'], 10_000, false)
    liar.device.setProtocols(NEW_FIRST)
    dial()
    dial()
    await liar.world.advance(2_000)
    dial()
    await liar.world.advance(10_000)
    expect(Array.from(liar.honest.connections, ({ protocol }) => protocol)).toEqual(['p/2'])
    expect(Array.from(liar.device.connections, ({ protocol }) => protocol)).toEqual(['p/2'])
    await close(liar)
  }, 60_000)

  it('and dials one connection after the other, and lets none go, has nine of a family at most', async () => {
    const liar = await against(NEW_FIRST, OLD_FIRST)
    const { driver } = liar
    driver.closeConnection = () => undefined
    driver.finish = () => undefined
    let most = 0
    for (let dial = 0; dial < 200; dial++) {
      driver.connect(liar.peerId, [dial % 2 === 0 ? 'p/1' : 'p/2'], 10_000, false)
      await liar.world.advance(100)
      most = Math.max(most, liar.honest.connections.size)
    }
    expect(most).toBeGreaterThan(5)
    expect(most).toBeLessThanOrEqual(9)
    await close(liar)
  }, 60_000)

  it('and announces an older generation is not believed', async () => {
    const liar = await against(NEW_FIRST, OLD_FIRST)
    liar.driver.announce(liar.id, lists(50, OLD_FIRST, OLD_FIRST))
    await liar.world.advance(300)
    liar.driver.announce(liar.id, lists(49, NEW_FIRST, NEW_FIRST))
    await liar.world.advance(60_000)
    expect(liar.peer.protocols.get('p')?.offered).toEqual(OLD_FIRST)
    expect(liar.dials).toEqual([])
    await close(liar)
  }, 60_000)

  it('and says that it has finished on each connection is dialled anew now and then, and has few of them', async () => {
    const liar = await against(OLD_FIRST, OLD_FIRST)
    const { supersede, finish } = liar.driver
    let most = 0
    for (let second = 0; second < 60; second++) {
      for (let id = 1; id < 200; id++) {
        supersede.call(liar.driver, id)
        finish.call(liar.driver, id)
      }
      await liar.world.advance(1_000)
      most = Math.max(most, liar.honest.connections.size)
    }
    expect(most).toBeLessThanOrEqual(5)
    expect(liar.dials.length).toBeLessThan(90)
    await close(liar)
  }, 60_000)
})
