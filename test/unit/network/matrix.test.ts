import { describe, expect, it } from '@jest/globals'
import { type Connection, Device, type Peer, PrivateKey } from 'warren'
import { WORLD } from '../../../lib/drivers/world.js'
import { choose, type Lists } from '../../../lib/versions/choice.js'
import { Generator } from '../generator.js'
import { VirtualWorld } from './virtual-world.js'

const NAMES = ['p/1', 'p/2', 'p/3']
const CASES = process.env.WARREN_SLOW === '1' ? 6_000 : 300

/** Lists of some of the names in one order, and a floor or none. */
interface End extends Lists {
  readonly floor: string | undefined
}

interface Case {
  readonly near: End
  readonly far: End
  readonly dials: 'near' | 'far' | 'both'
}

function drawEnd(random: Generator): End {
  const left = [...NAMES]
  const order = NAMES.map(() => left.splice(random.below(left.length), 1)[0] as string)
  const some = (): string[] => order.filter(() => random.below(3) > 0)
  return { offer: some(), accept: some(), floor: random.of([undefined, undefined, 'p/2', 'p/3']) }
}

function above({ offer, accept, floor }: End): Lists {
  const isAbove = (name: string): boolean => floor === undefined || name >= floor
  return { offer: offer.filter(isAbove), accept: accept.filter(isAbove) }
}

class Ends {
  readonly world: VirtualWorld
  readonly near: Device
  readonly far: Device
  readonly peer: Peer
  readonly back: Peer

  constructor(world: VirtualWorld, near: Device, far: Device) {
    this.world = world
    this.near = near
    this.far = far
    this.peer = near.addPeer({ publicKey: far.publicKey, endpoint: `127.0.0.1:${far.address.port}` })
    this.back = far.addPeer({ publicKey: near.publicKey, endpoint: `127.0.0.1:${near.address.port}` })
    for (const device of [near, far]) device.on('connection', () => undefined)
  }

  static async open(seed: number, near: Lists, far: Lists): Promise<Ends> {
    const world = new VirtualWorld({ seed, delay: 2 })
    const open = ({ offer, accept }: Lists): Promise<Device> => {
      const privateKey = PrivateKey.from(Uint8Array.from({ length: 32 }, () => world.random.below(256)))
      const protocols = { offer, accept }
      const options = { privateKey, protocols, driver: 'script', [WORLD]: world } as const
      return Device.open(options)
    }
    return new Ends(world, await open(near), await open(far))
  }

  /** What comes of dials, within ten seconds. */
  async connect(dials: Case['dials']): Promise<string[]> {
    const outcomes: string[] = []
    const note = (dial: Promise<Connection>): void => {
      dial.then(
        ({ protocol }) => outcomes.push(protocol),
        (error: { code?: string }) => outcomes.push(error.code ?? String(error)),
      )
    }
    const count = dials === 'both' ? 2 : 1
    if (dials !== 'far') note(this.peer.connect())
    if (dials !== 'near') note(this.back.connect())
    for (let ms = 0; outcomes.length < count && ms < 11_000; ms += 20) await this.world.advance(20)
    return outcomes
  }

  spoken(): (string | undefined)[] {
    return [this.peer, this.back].map((peer) => peer.protocols.get('p')?.current)
  }

  async close(): Promise<void> {
    const closed = Promise.all([this.near.close({ timeout: 0 }), this.far.close({ timeout: 0 })])
    await this.world.advance(500)
    await closed
  }
}

async function check(seed: number): Promise<void> {
  const random = new Generator(seed)
  const drawn: Case = { near: drawEnd(random), far: drawEnd(random), dials: random.of(['near', 'far', 'both']) }
  const ends = await Ends.open(seed, drawn.near, drawn.far)
  const { near, far, dials } = drawn
  if (near.floor !== undefined) ends.near.setFloor(near.floor)
  if (far.floor !== undefined) ends.far.setFloor(far.floor)
  const outcomes = await ends.connect(dials)
  const expected = choose(above(near), above(far))
  const seen = { seed, drawn, outcomes, spoken: ends.spoken(), connections: ends.near.connections.size }
  await ends.close()
  if (expected === undefined) {
    const isRefused = outcomes.every((outcome) => REFUSALS.has(outcome))
    if (!isRefused || seen.connections > 0) throw new Error(`speaks nothing: ${JSON.stringify(seen)}`)
    return
  }
  const dialled = dials === 'both' ? [near, far] : dials === 'near' ? [near] : [far]
  // An end that has neither offers nor accepts by its own choice dials nothing.
  const silent = dialled.filter(({ offer, accept }) => offer.length + accept.length === 0).length
  const isRight =
    outcomes.filter((outcome) => outcome === expected).length === outcomes.length - silent &&
    (silent === dialled.length || (seen.connections === 1 && seen.spoken.every((name) => name === expected)))
  if (!isRight) throw new Error(`speaks ${expected}: ${JSON.stringify(seen)}`)
}

const REFUSALS = new Set([
  'ERR_WARREN_NO_COMMON_PROTOCOL',
  'ERR_WARREN_BELOW_FLOOR',
  // A list that is empty, of this end.
  'ERR_WARREN_INVALID_ARGUMENT',
])

describe('offers, acceptance, preference and floors', () => {
  it('come to what the model says, whoever dials, and when both do in the same instant', async () => {
    for (let seed = 0; seed < CASES; seed++) await check(seed)
  }, 900_000)
})

describe('a list that changes while a connection comes up', () => {
  it('counts for it, or moves it at once', async () => {
    const old = { offer: ['p/1', 'p/2'], accept: ['p/1', 'p/2'] }
    const young = { offer: ['p/2', 'p/1'], accept: ['p/2', 'p/1'] }
    for (let at = 0; at < 24; at++)
      for (const changes of ['near', 'far', 'both'] as const) {
        const ends = await Ends.open(at, changes === 'near' ? old : young, changes === 'far' ? old : young)
        if (changes === 'both') for (const device of [ends.near, ends.far]) device.setProtocols(old)
        const dialling = ends.peer.connect()
        await ends.world.advance(at)
        if (changes !== 'far') ends.near.setProtocols(young)
        if (changes !== 'near') ends.far.setProtocols(young)
        await ends.world.until(() => ends.spoken().every((name) => name === 'p/2'), 10_000, `${changes} at ${at} ms`)
        await dialling
        const { connections } = ends.near
        expect([...connections].filter(({ replacedBy }) => replacedBy === undefined)).toHaveLength(1)
        await ends.close()
      }
  }, 120_000)
})
