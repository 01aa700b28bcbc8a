import { type Connection, Device, type DeviceOptions, type Outcome, PrivateKey, type ProtocolsOption } from 'warren'
import { WORLD } from '../../../lib/drivers/world.js'
import { VirtualWorld, type VirtualWorldOptions } from './virtual-world.js'

/** The phases of an upgrade, as `docs/upgrading.md` has them. */
export const PHASES: readonly ProtocolsOption[] = [
  ['p/1'],
  { offer: ['p/1'], accept: ['p/1', 'p/2'] },
  ['p/1', 'p/2'],
  ['p/2', 'p/1'],
  ['p/2'],
]

/** A node of a network that rolls: what it sent, and what came. */
class Node {
  readonly name: number
  device: Device
  /** Counts the processes of this node. */
  life = 1
  isUp = true
  upSince = 0
  phase = 0
  readonly received = new Map<string, number>()

  constructor(name: number, device: Device) {
    this.name = name
    this.device = device
  }
}

/** A message to one peer, and what became of it. */
interface Sending {
  readonly from: Node
  readonly fromLife: number
  readonly to: Node
  readonly toLife: number
  readonly id: string
  outcome: Outcome | undefined
}

/** Nodes that all know each other, under a load of messages, in virtual time. */
export class Rolling {
  readonly world: VirtualWorld
  readonly nodes: Node[] = []
  readonly faults: string[] = []
  readonly #options: Partial<DeviceOptions>
  readonly #sendings: Sending[] = []
  readonly #keys: PrivateKey[] = []
  #isLoaded = true
  #next = 0

  constructor(options: VirtualWorldOptions, deviceOptions: Partial<DeviceOptions> = {}) {
    this.world = new VirtualWorld(options)
    this.#options = deviceOptions
  }

  async start(count: number, phase = 0): Promise<void> {
    for (let name = 0; name < count; name++) this.#keys.push(this.#key())
    for (let name = 0; name < count; name++) {
      const node = new Node(name, await this.#open(name, phase))
      node.phase = phase
      this.nodes.push(node)
    }
    for (const node of this.nodes) this.#live(node)
    await this.world.until(() => this.#isWhole(), 30_000, 'all pairs are connected')
    for (const node of this.nodes) node.upSince = this.world.clock.now()
    this.#load()
  }

  /** One node goes on to a phase, or back to one. */
  turn(node: Node, phase: number): void {
    node.phase = phase
    if (node.isUp) node.device.setProtocols(PHASES[phase] as ProtocolsOption)
  }

  /** Ends a node without a word. */
  kill(node: Node): void {
    node.isUp = false
    this.world.cut(node.device.address.port)
    // A process that is killed sees nothing of its end.
    void node.device.close({ timeout: 0 })
  }

  /** Starts it again, with the lists of its phase. */
  async restart(node: Node): Promise<void> {
    node.life += 1
    node.device = await this.#open(node.name, node.phase)
    node.isUp = true
    node.upSince = Number.POSITIVE_INFINITY
    for (const other of this.nodes) {
      if (other === node) continue
      other.device.peers.get(node.device.publicKey)?.update({ endpoint: endpointOf(node.device) })
    }
    this.#live(node)
    await this.world.until(() => this.#isWhole(node), 30_000, `node ${node.name} is connected again`)
    node.upSince = this.world.clock.now()
  }

  /** Ends the load, and lets everything arrive. */
  async drain(): Promise<void> {
    this.#isLoaded = false
    await this.world.until(
      () => this.#sendings.every(({ outcome }) => outcome !== undefined),
      60_000,
      'all has settled',
    )
    await this.world.advance(1_000)
    for (const sending of this.#sendings) this.#judge(sending)
  }

  async stop(): Promise<void> {
    this.#isLoaded = false
    const closed = Promise.all(this.nodes.map(({ device }) => device.close({ timeout: 0 })))
    // Closing takes time as well, and that is virtual.
    await this.world.advance(1_000)
    await closed
  }

  get sent(): number {
    return this.#sendings.length
  }

  /** Version that a pair speaks, from both ends. */
  spoken(one: Node, other: Node): (string | undefined)[] {
    return [currentOf(one, other), currentOf(other, one)]
  }

  /** By the seed: which of two ends has the greater one decides who dials. */
  #key(): PrivateKey {
    return PrivateKey.from(Uint8Array.from({ length: 32 }, () => this.world.random.below(256)))
  }

  async #open(name: number, phase: number): Promise<Device> {
    const options = {
      privateKey: this.#keys[name] as PrivateKey,
      driver: 'script',
      protocols: PHASES[phase] as ProtocolsOption,
      deadAfter: 2_000,
      [WORLD]: this.world,
      ...this.#options,
    } as const
    return Device.open(options)
  }

  #live(node: Node): void {
    const { device, life } = node
    device.on('connection', () => undefined)
    for (const other of this.nodes) {
      const publicKey = other.device.publicKey
      if (other === node || device.peers.has(publicKey)) continue
      // The one with the lower number dials; the other one may have to, where it alone offers a version.
      device.addPeer({ publicKey, endpoint: endpointOf(other.device), connect: node.name < other.name })
    }
    void this.#read(node, device, life)
  }

  async #read(node: Node, device: Device, life: number): Promise<void> {
    for await (const { bytes, connection } of device.messages()) {
      const id = `${bytes.toString('utf8', 0, 40).trim()}`
      const version = bytes.toString('utf8', 40, 43)
      if (version !== connection.protocol) this.faults.push(`${version} came on ${connection.protocol}`)
      if (node.life === life) node.received.set(`${life}:${id}`, (node.received.get(`${life}:${id}`) ?? 0) + 1)
    }
  }

  /** Every few milliseconds a node tells all others something. */
  #load(): void {
    if (!this.#isLoaded) return
    const node = this.world.random.of(this.nodes)
    if (node.isUp) this.#broadcast(node)
    this.world.clock.after(2 + this.world.random.below(8), () => this.#load())
  }

  #broadcast(node: Node): void {
    const { device, life } = node
    const id = `${node.name}.${life}.${this.#next++}`
    const length = this.world.random.below(20) === 0 ? 20_000 : 100
    const encode = ({ protocol }: { protocol: string }): Buffer => {
      const bytes = Buffer.alloc(length)
      bytes.write(id.padEnd(40) + protocol)
      return bytes
    }
    const reached = new Set<Node>()
    void device.broadcast(encode, { protocol: 'p/1' }).then((results) => {
      for (const [{ peer }, outgoing] of results) {
        const to = this.nodes.find((other) => other.device.publicKey === peer.publicKey) as Node
        reached.add(to)
        // While it starts anew, a connection may still lead to the process before.
        const toLife = to.upSince <= this.world.clock.now() ? to.life : 0
        const sending: Sending = { from: node, fromLife: life, to, toLife, id, outcome: undefined }
        this.#sendings.push(sending)
        void outgoing.settled.then((outcome) => {
          sending.outcome = outcome
        })
      }
      for (const other of this.nodes) {
        const isOwed = other !== node && this.#isSteady(node, life) && this.#isSteady(other, other.life)
        if (isOwed && !reached.has(other)) this.faults.push(`partition: ${node.name} does not reach ${other.name}`)
      }
    })
  }

  /** A node that is up and was connected with all. */
  #isSteady(node: Node, life: number): boolean {
    return node.isUp && node.life === life && node.upSince <= this.world.clock.now() && node.device.peers.size > 0
  }

  #judge({ from, fromLife, to, toLife, id, outcome }: Sending): void {
    const copies = to.received.get(`${toLife}:${id}`) ?? 0
    const bothLive = from.isUp && from.life === fromLife && to.isUp && to.life === toLife
    if (copies > 1) this.faults.push(`doubled: ${id} came ${copies} times to ${to.name}`)
    if (bothLive && (outcome !== 'delivered' || copies !== 1))
      this.faults.push(`lost: ${id} to ${to.name}: ${outcome}, ${copies} copies`)
  }

  #isWhole(only?: Node): boolean {
    const up = this.nodes.filter(({ isUp }) => isUp)
    return up.every((one) =>
      up.every(
        (other) => one === other || (only !== undefined && only !== one && only !== other) || isConnected(one, other),
      ),
    )
  }
}

function isConnected(one: Node, other: Node): boolean {
  return currentOf(one, other) !== undefined && currentOf(one, other) === currentOf(other, one)
}

function currentOf(one: Node, other: Node): string | undefined {
  return one.device.peers.get(other.device.publicKey)?.protocols.get('p')?.current
}

function endpointOf(device: Device): string {
  return `127.0.0.1:${device.address.port}`
}

export type { Connection, Node }
