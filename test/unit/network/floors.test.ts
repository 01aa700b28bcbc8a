import { describe, expect, it } from '@jest/globals'
import { type Connection, Device, type DeviceOptions, type Outcome, type Peer, PrivateKey } from 'warren'
import { WORLD } from '../../../lib/drivers/world.js'
import { VirtualWorld } from './virtual-world.js'

const OLD_FIRST = ['p/1', 'p/2']
const NEW_FIRST = ['p/2', 'p/1']

/** Two nodes that tell each other something every few milliseconds, in virtual time. */
class Pair {
  readonly world: VirtualWorld
  readonly devices: readonly Device[]
  readonly peers: readonly Peer[]
  /** Reasons of the connections that ended, at either end. */
  readonly ends: (string | undefined)[] = []
  readonly received = new Map<string, number>()
  readonly sent = new Map<string, Outcome | string | undefined>()
  /** The longest time in which an end had no open connection. */
  gap = 0
  #isLoaded = true
  readonly #lastOpen = [0, 0]

  private constructor(world: VirtualWorld, devices: readonly Device[], peers: readonly Peer[]) {
    this.world = world
    this.devices = devices
    this.peers = peers
  }

  static async open(
    options: Partial<DeviceOptions>,
    seed = 1,
    ends: Partial<DeviceOptions>[] = [{}, {}],
  ): Promise<Pair> {
    const world = new VirtualWorld({ seed, delay: 2 })
    const open = (own: Partial<DeviceOptions> | undefined): Promise<Device> => {
      const privateKey = PrivateKey.from(Uint8Array.from({ length: 32 }, () => world.random.below(256)))
      return Device.open({
        privateKey,
        driver: 'script',
        protocols: OLD_FIRST,
        ...options,
        ...own,
        [WORLD]: world,
      } as never)
    }
    const devices = [await open(ends[0]), await open(ends[1])] as const
    const [near, far] = devices
    for (const device of devices) device.on('connection', () => undefined)
    const endpoint = ({ address }: Device): string => `127.0.0.1:${address.port}`
    const back = far.addPeer({ publicKey: near.publicKey, endpoint: endpoint(near) })
    const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpoint(far), connect: true })
    const pair = new Pair(world, devices, [peer, back])
    await world.until(() => pair.spoken().every((name) => name === 'p/1'), 5_000, 'they are connected')
    for (const device of devices) pair.#live(device)
    pair.#load()
    return pair
  }

  spoken(): (string | undefined)[] {
    return this.peers.map((peer) => peer.protocols.get('p')?.current)
  }

  set(lists: readonly string[]): void {
    for (const device of this.devices) device.setProtocols(lists)
  }

  async speak(name: string, limit: number): Promise<number> {
    const before = this.world.clock.now()
    await this.world.until(() => this.spoken().every((spoken) => spoken === name), limit, `both speak ${name}`)
    return this.world.clock.now() - before
  }

  /** Ends the load, and tells what did not come as it should. */
  async faults(): Promise<string[]> {
    this.#isLoaded = false
    await this.world.advance(3_000)
    const faults = [...this.sent].filter(([id, outcome]) => outcome !== 'delivered' || this.received.get(id) !== 1)
    const { devices } = this
    const closed = Promise.all(devices.map((device) => device.close({ timeout: 0 })))
    await this.world.advance(1_000)
    await closed
    return faults.map(([id, outcome]) => `${id}: ${outcome}, ${this.received.get(id) ?? 0} copies`)
  }

  #live(device: Device): void {
    device.on('connectionClose', (_connection, { reason }) => this.ends.push(reason))
    void (async () => {
      for await (const { bytes } of device.messages())
        this.received.set(String(bytes), (this.received.get(String(bytes)) ?? 0) + 1)
    })()
  }

  #load(): void {
    if (!this.#isLoaded) return
    const now = this.world.clock.now()
    this.peers.forEach((peer, end) => {
      const open = [...peer.connections].filter(({ isOpen }) => isOpen)
      const used = open.find(({ replacedBy }) => replacedBy === undefined) ?? open[0]
      if (open.length > 0) this.#lastOpen[end] = now
      else this.gap = Math.max(this.gap, now - (this.#lastOpen[end] || now))
      if (used !== undefined) void this.#send(`${end}.${this.sent.size}`, used)
    })
    this.world.clock.after(3, () => this.#load())
  }

  async #send(id: string, on: Connection): Promise<void> {
    this.sent.set(id, undefined)
    try {
      const outgoing = await on.send(Buffer.from(id))
      this.sent.set(id, await outgoing.settled)
    } catch (error) {
      this.sent.set(id, String(error))
    }
  }
}

describe('a floor', () => {
  it('that is raised and taken back again and again closes nothing that can move', async () => {
    for (const raising of [[0], [1], [0, 1]]) {
      for (const seed of [1, 2]) {
        const pair = await Pair.open({ moves: { grace: 1_000 } }, seed)
        for (let round = 0; round < 6; round++) {
          for (const end of raising) pair.devices[end]?.setFloor('p/2', { grace: 1_000 })
          expect(await pair.speak('p/2', 900)).toBeLessThanOrEqual(300)
          await pair.world.advance(60)
          for (const end of raising) pair.devices[end]?.clearFloor('p/2')
          await pair.speak('p/1', 10_000)
        }
        expect(await pair.faults()).toEqual([])
        expect([...new Set(pair.ends.filter((reason) => reason !== ''))]).toEqual(['superseded'])
        expect(pair.gap).toBe(0)
      }
    }
  }, 120_000)

  it('has its move made beside those whose grace is not over', async () => {
    for (const seed of [1, 2, 3]) {
      const pair = await Pair.open({ moves: { grace: 30_000 } }, seed)
      for (let move = 0; move < 4; move++) {
        pair.set(move % 2 === 0 ? NEW_FIRST : OLD_FIRST)
        expect(await pair.speak(move % 2 === 0 ? 'p/2' : 'p/1', 5_000)).toBeLessThan(2_500)
      }
      pair.devices[0]?.setFloor('p/2', { grace: 1_000 })
      expect(await pair.speak('p/2', 900)).toBeLessThanOrEqual(300)
      await pair.world.advance(2_000)
      expect(await pair.faults()).toEqual([])
      expect(pair.gap).toBe(0)
    }
  }, 120_000)

  it('ends also what gave way to a newer version, and the door can be closed then', async () => {
    for (const raising of [0, 1]) {
      const pair = await Pair.open({ moves: { grace: 30_000 } }, 4)
      const old = [...(pair.peers[raising]?.connections ?? [])]
      pair.devices[raising]?.setFloor('p/2', { grace: 1_000 })
      await pair.speak('p/2', 900)
      await pair.world.advance(500)
      expect(old.map(({ isOpen }) => isOpen)).toEqual([true])
      expect(pair.devices[raising]?.canClose('p/1').ok).toBe(false)
      await pair.world.advance(600)
      expect(pair.peers.map(({ connections }) => Array.from(connections, ({ protocol }) => protocol))).toEqual([
        ['p/2'],
        ['p/2'],
      ])
      expect(pair.devices[raising]?.canClose('p/1').ok).toBe(true)
      await expect(old[0]?.send(Buffer.from('late'))).rejects.toMatchObject({ code: 'ERR_WARREN_SUPERSEDED' })
      expect(await pair.faults()).toEqual([])
    }
  }, 60_000)

  it('moves also what devices leave to their applications, at the end of its grace', async () => {
    for (const raising of [0, 1]) {
      const pair = await Pair.open({ moves: { auto: false, grace: 500 } }, 5)
      pair.set(NEW_FIRST)
      await pair.world.advance(1_000)
      expect(pair.spoken()).toEqual(['p/1', 'p/1'])
      pair.devices[raising]?.setFloor('p/2', { grace: 1_500 })
      await pair.world.advance(1_400)
      expect(pair.spoken()).toEqual(['p/1', 'p/1'])
      await pair.speak('p/2', 200)
      await pair.world.advance(2_000)
      expect(await pair.faults()).toEqual([])
      expect(pair.gap).toBe(0)
    }
  }, 60_000)

  it('that closes what only the other end can move has it dialled anew at once', async () => {
    const pair = await Pair.open({ moves: { auto: false, grace: 500 } }, 6)
    pair.devices[0]?.setProtocols({ offer: ['p/1'], accept: NEW_FIRST })
    pair.devices[1]?.setProtocols({ offer: NEW_FIRST, accept: ['p/1'] })
    await pair.world.advance(500)
    pair.devices[0]?.setFloor('p/2', { grace: 200 })
    await pair.world.advance(190)
    expect(pair.spoken()).toEqual(['p/1', 'p/1'])
    await pair.speak('p/2', 200)
    expect(pair.gap).toBeLessThan(100)
    await pair.faults()
  }, 60_000)
})
