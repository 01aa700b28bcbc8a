import { describe, expect, it } from '@jest/globals'
import { toldDevice } from './told-device.js'

/** Lists of a build that knows no generations: they are fixed. */
const FIXED = { generation: undefined, offer: ['p/1', 'p/2'], accept: ['p/1', 'p/2'], transports: [] }

/** A device that is connected with a peer of the build before. */
async function rig() {
  const told = await toldDevice()
  told.device.on('connection', () => undefined)
  told.receiver.connected(100, 1, 'local', 'p/1', FIXED)
  return told
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
    expect(driver.given('connect')).toEqual([[1, ['p/2'], expect.any(Number), false]])
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
