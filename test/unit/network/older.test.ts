import { describe, expect, it } from '@jest/globals'
import { Device, PrivateKey } from 'warren'
import type { Receiver } from '../../../lib/driver.js'
import { WORLD, type World } from '../../../lib/drivers/world.js'
import { FakeDriver } from '../fake-driver.js'
import { VirtualWorld } from './virtual-world.js'

/** Lists of a build that knows no generations: they are fixed. */
const FIXED = { generation: undefined, offer: ['p/1', 'p/2'], accept: ['p/1', 'p/2'], transports: [] }

/** A device that is connected with a peer of the build before, through a driver that does as it is told. */
async function rig() {
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
  device.on('connection', () => undefined)
  const peer = device.addPeer({ publicKey: PrivateKey.generate().publicKey })
  const receiver = told.receiver as Receiver
  receiver.connected(100, 1, 'local', 'p/1', FIXED)
  return { world, driver, device, peer, receiver }
}

describe('a peer of the build before', () => {
  it('is told nothing of lists, and moved by a drain, a close and a dial', async () => {
    const { world, driver, device, peer, receiver } = await rig()
    const [connection] = peer.connections
    const sending = connection?.send(Buffer.from('before'))
    device.setProtocols(['p/2', 'p/1'])
    await world.advance(1)
    // Both ends like both versions equally: of equals the first by its name.
    expect(driver.given('closeConnection')).toEqual([])
    device.setProtocols(['p/2'])
    await world.advance(1)
    expect(connection?.isOpen).toBe(false)
    await expect(connection?.send(Buffer.from('after'))).rejects.toMatchObject({ code: 'ERR_WARREN_CONNECTION_CLOSED' })
    expect(driver.given('closeConnection')).toEqual([[100, 0, 'superseded', expect.any(Number)]])
    expect(driver.given('connect')).toEqual([])
    receiver.messageSettled(100, 1, 'delivered')
    receiver.connectionClosed(100, 'local', 'application', 0, 'superseded', [])
    expect(await (await sending)?.settled).toBe('delivered')
    await world.advance(10)
    expect(driver.given('connect')).toEqual([[1, ['p/2'], expect.any(Number)]])
    receiver.connected(1, 1, 'local', 'p/2', FIXED)
    expect(peer.protocols.get('p')?.current).toBe('p/2')
    expect(driver.given('announce')).toEqual([])
    expect(driver.given('finish')).toEqual([])
  })

  it('keeps a connection that has no better version', async () => {
    const { world, driver, device, peer } = await rig()
    device.setProtocols(['p/3'])
    await world.advance(60_000)
    expect(driver.given('closeConnection')).toEqual([])
    expect(peer.protocols.get('p')?.current).toBe('p/1')
    expect(device.canClose('p/1').inTheWay).toEqual([{ peer, why: 'connected' }])
  })

  it('closes at the end of a connection that gave way without asking for a word', async () => {
    const { world, driver, receiver } = await rig()
    receiver.connected(101, 1, 'remote', 'p/2', FIXED)
    await world.advance(5_000)
    expect(driver.given('supersede')).toEqual([[100]])
    expect(driver.given('closeConnection')).toEqual([[100, 0, 'superseded', 0]])
  })
})
