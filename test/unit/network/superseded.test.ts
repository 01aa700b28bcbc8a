import { describe, expect, it } from '@jest/globals'
import type { Connection } from 'warren'
import { toldDevice } from './told-device.js'

const LISTS = { generation: 1, offer: ['p/1', 'p/2'], accept: ['p/1', 'p/2'], transports: [] }

/** A device with a connection 100 that gave way to 101. */
async function rig() {
  const told = await toldDevice()
  const { world, device, receiver } = told
  const made: Connection[] = []
  device.on('connection', (connection) => made.push(connection))
  receiver.connected(100, 1, 'local', 'p/1', LISTS)
  await world.advance(1)
  const old = made[0] as Connection
  const sending = old.send(Buffer.from('before'))
  receiver.connected(101, 1, 'remote', 'p/2', LISTS)
  await world.advance(1)
  return { ...told, old, young: made[1] as Connection, outgoing: await sending }
}

describe('a connection that gave way', () => {
  it('is used again where the network takes its successor, also after its grace, while it delivers', async () => {
    const { world, driver, receiver, peer, old, young, outgoing } = await rig()
    expect(old.replacedBy).toBe(young)
    await world.advance(6_000)
    expect(old.isOpen).toBe(false)
    receiver.connectionClosed(101, 'network', 'peer-dead', 0, 'data stayed unanswered', [])
    await world.advance(1)
    expect([old.isOpen, old.replacedBy, await peer.connect()]).toEqual([true, undefined, old])
    expect(driver.given('takeBack')).toEqual([[100]])
    receiver.messageSettled(100, 1, 'delivered')
    expect(await outgoing.settled).toBe('delivered')
    await world.advance(60_000)
    expect([driver.given('finish'), driver.given('closeConnection'), old.isOpen]).toEqual([[], [], true])
  })

  it('is used no more once it has told the other end that it sends nothing more', async () => {
    const { world, driver, receiver, peer, old } = await rig()
    receiver.messageSettled(100, 1, 'delivered')
    await world.advance(6_000)
    expect(driver.given('finish')).toEqual([[100]])
    receiver.connectionClosed(101, 'network', 'peer-dead', 0, 'data stayed unanswered', [])
    await world.advance(1)
    expect([old.isOpen, peer.protocols.get('p')?.current]).toEqual([false, undefined])
  })

  it('and was finished is superseded, also where the word of its close is lost', async () => {
    const { world, receiver, old } = await rig()
    receiver.messageSettled(100, 1, 'delivered')
    await world.advance(6_000)
    receiver.connectionClosed(100, 'network', 'peer-dead', 0, 'the peer no longer knows this connection', [])
    expect(await old.closed).toEqual({ by: 'remote', code: 0, reason: 'superseded', error: undefined })
  })

  it('and had something to deliver is lost where the network takes it', async () => {
    const { world, receiver, old, outgoing } = await rig()
    await world.advance(6_000)
    receiver.connectionClosed(100, 'network', 'peer-dead', 0, 'the peer no longer knows this connection', [])
    expect(await old.closed).toMatchObject({ by: 'network', error: { code: 'ERR_WARREN_PEER_DEAD' } })
    expect(await outgoing.settled).toBe('lost')
  })
})

describe('a connection that is to take the place of another', () => {
  it('is told of once the peer has it, or something comes on it, and not where it ends before', async () => {
    for (const proof of ['confirmed', 'message', 'announced', 'none'] as const) {
      const { world, device, peer, receiver, young } = await rig()
      const made: Connection[] = []
      device.on('connection', (connection) => made.push(connection))
      receiver.connected(102, 1, 'local', 'p/1', LISTS)
      await world.advance(1_000)
      expect([made, await peer.connect()]).toEqual([[], young])
      if (proof === 'confirmed') receiver.confirmed(102)
      if (proof === 'message') receiver.message(102, 0, Buffer.from('news'))
      if (proof === 'announced') receiver.announced(102, { ...LISTS, generation: 2 })
      if (proof === 'none') receiver.connectionClosed(102, 'remote', 'refused', 0, 'others came', [])
      receiver.confirmed(102)
      await world.advance(1)
      expect(made.map(({ replaces, protocol }) => [replaces, protocol])).toEqual(
        proof === 'none' ? [] : [[young, 'p/1']],
      )
      if (proof === 'message') expect(String((await made[0]?.messages().next())?.value?.bytes)).toBe('news')
      expect(device.connections.has(young)).toBe(true)
    }
  })
})
