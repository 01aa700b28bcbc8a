import { describe, expect, it } from '@jest/globals'
import { type Connection, Device, type DeviceOptions, type Outcome, PrivateKey } from 'warren'
import { WORLD } from '../../../lib/drivers/world.js'
import { VirtualWorld } from './virtual-world.js'

const OLD_FIRST = ['p/1', 'p/2']
const NEW_FIRST = ['p/2', 'p/1']

/** A hub that waits for one dial at a time, and a node that is connected with it. */
async function rig(grace: number) {
  const world = new VirtualWorld({ seed: 1, delay: 2 })
  const open = async (options: Partial<DeviceOptions>): Promise<Device> => {
    const privateKey = PrivateKey.from(Uint8Array.from({ length: 32 }, () => world.random.below(256)))
    const all = { privateKey, driver: 'script', protocols: OLD_FIRST, moves: { grace }, ...options, [WORLD]: world }
    const device = await Device.open(all as never)
    device.on('connection', () => undefined)
    return device
  }
  const hub = await open({ limits: { pendingConnections: 1 }, authorize: () => true })
  const node = await open({})
  const endpoint = `127.0.0.1:${hub.address.port}`
  const peer = node.addPeer({ publicKey: hub.publicKey, endpoint, connect: true })
  const spoken = (): string | undefined => peer.protocols.get('p')?.current
  await world.until(() => spoken() === 'p/1' && hub.connections.size === 1, 5_000, 'they are connected')
  return { world, open, hub, node, peer, spoken, endpoint }
}

/**
 * The hub prefers the new version; the node does so too, and of what it says then so many datagrams get there, and no others for 1.8 s.
 * Meanwhile others dial the hub. Gives the messages that were lost, and how often the hub gave up a dial.
 */
async function moveBehindACut(datagrams: number): Promise<{ lost: string[]; displaced: number }> {
  const { world, open, hub, node, peer, spoken, endpoint } = await rig(1_000)
  const outcomes = new Map<number, Outcome | string | undefined>()
  const received = new Map<string, number>()
  void (async () => {
    for await (const { bytes } of hub.messages()) received.set(String(bytes), (received.get(String(bytes)) ?? 0) + 1)
  })()
  let used: Connection = [...peer.connections][0] as Connection
  node.on('connection', (connection) => {
    if (connection.replacedBy === undefined) used = connection
  })
  let isLoaded = true
  const load = (): void => {
    if (!isLoaded) return
    const id = outcomes.size
    outcomes.set(id, undefined)
    used.send(Buffer.from(`${id}`)).then(
      async ({ settled }) => outcomes.set(id, await settled),
      (error) => outcomes.set(id, String(error)),
    )
    world.clock.after(20, load)
  }
  hub.setProtocols(NEW_FIRST)
  await world.advance(400)
  let left = datagrams
  let isCut = true
  world.carries = (from) => from !== node.address.port || !isCut || left-- > 0
  node.setProtocols(NEW_FIRST)
  load()
  await world.advance(1_200)
  const others = await Promise.all([open({ protocols: ['p/2'] }), open({ protocols: ['p/2'] })])
  for (const other of others)
    other
      .addPeer({ publicKey: hub.publicKey, endpoint })
      .connect({ timeout: 3_000 })
      .catch(() => undefined)
  await world.advance(600)
  isCut = false
  await world.until(() => spoken() === 'p/2', 10_000, 'the move is made')
  await world.advance(1_000)
  isLoaded = false
  await world.advance(3_000)
  const displaced = hub.stats().displacedDials
  const closed = Promise.all([hub, node, ...others].map((device) => device.close({ timeout: 0 })))
  await world.advance(1_000)
  await closed
  const faults = [...outcomes].filter(([id, outcome]) => outcome !== 'delivered' || received.get(`${id}`) !== 1)
  return { lost: faults.map(([id, outcome]) => `${id}: ${outcome}`), displaced }
}

describe('a move', () => {
  it('goes to the new connection when the other end has it, and loses nothing where that gives it up half-way', async () => {
    let displaced = 0
    for (let datagrams = 0; datagrams < 10; datagrams++) {
      const seen = await moveBehindACut(datagrams)
      expect({ datagrams, lost: seen.lost }).toEqual({ datagrams, lost: [] })
      displaced += seen.displaced
    }
    expect(displaced).toBeGreaterThan(0)
  }, 120_000)
})
