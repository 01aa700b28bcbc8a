import { createCipheriv } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect } from '@jest/globals'
import {
  type Connection,
  type ConnectOptions,
  Device,
  type DeviceOptions,
  type Peer,
  type PeerEvent,
  PrivateKey,
} from 'warren'
import { Wire, type WireOptions } from './wire.js'

export type DriverName = 'native' | 'script'

/** Two devices that know each other. */
export interface Pair {
  readonly near: Device
  readonly far: Device
  /** `far`, as `near` knows it. */
  readonly peer: Peer
  /** `near`, as `far` knows it; it has no endpoint until `near` dials. */
  readonly back: Peer
}

/** A pair with a connection, which `near` dialled. */
export interface Connected extends Pair {
  readonly connection: Connection
  /** The other end of it. */
  readonly accepted: Connection
}

/** Runs one suite on each driver. What went wrong unseen (an unhandled rejection, an uncaught exception) fails the test. */
export function eachDriver(name: string, suite: (network: Network) => void): void {
  describe.each<DriverName>(['native', 'script'])(`${name} (%s)`, (driver) => {
    const network = new Network(driver)
    beforeEach(() => network.start())
    afterEach(() => network.stop())
    suite(network)
  })
}

/** Devices of one driver, all closed at the end of the test. */
export class Network {
  readonly driver: DriverName
  readonly #devices = new Set<Device>()
  readonly #keys = new WeakMap<Device, PrivateKey>()
  readonly #wires = new Set<Wire>()
  readonly #unseen: unknown[] = []
  readonly #note = (error: unknown): void => {
    this.#unseen.push(error)
  }

  constructor(driver: DriverName) {
    this.driver = driver
  }

  start(): void {
    process.on('unhandledRejection', this.#note)
    process.on('uncaughtException', this.#note)
  }

  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#devices, (device) => device.close({ timeout: 0 })))
    this.#devices.clear()
    for (const wire of this.#wires) wire.close()
    this.#wires.clear()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', this.#note)
    process.off('uncaughtException', this.#note)
    expect(this.#unseen.splice(0)).toEqual([])
  }

  /** Opens a device on the loopback. */
  async open(options: Partial<DeviceOptions> = {}): Promise<Device> {
    const privateKey = PrivateKey.from(
      options.privateKey instanceof PrivateKey
        ? options.privateKey.export()
        : (options.privateKey ?? PrivateKey.generate().export()),
    )
    const device = await Device.open({ listen: { host: '127.0.0.1' }, driver: this.driver, ...options, privateKey })
    this.#devices.add(device)
    this.#keys.set(device, privateKey)
    return device
  }

  /** The private key of a device that was opened here. */
  keyOf(device: Device): PrivateKey {
    return this.#keys.get(device) ?? PrivateKey.generate()
  }

  async pair(
    near: Partial<DeviceOptions> = {},
    far: Partial<DeviceOptions> = {},
    wire?: Wire | WireOptions,
  ): Promise<Pair & { wire: Wire }> {
    const devices = { near: await this.open(near), far: await this.open(far) }
    const laid = wire instanceof Wire ? wire : await this.lay(devices.far, wire)
    const endpoint = wire === undefined ? endpointOf(devices.far) : laid.endpoint
    const peer = devices.near.addPeer({ publicKey: devices.far.publicKey, endpoint })
    const back = devices.far.addPeer({ publicKey: devices.near.publicKey })
    return { ...devices, peer, back, wire: laid }
  }

  /** Ends a device without a word to the others, as a kill does. The wire carries again after `mend`. */
  async crash(device: Device, wire: Wire): Promise<void> {
    wire.cut()
    await device.close({ timeout: 0 })
    await wire.lost()
  }

  async lay(far: Device, options: WireOptions = {}): Promise<Wire> {
    const wire = await Wire.lay(far.address.port, options)
    this.#wires.add(wire)
    return wire
  }

  /** A group of devices, with a connection for each pair of their indices. */
  async group(
    count: number,
    pairs: Iterable<readonly [number, number]>,
    options: Partial<DeviceOptions> = {},
  ): Promise<readonly Device[]> {
    const devices = await Promise.all(Array.from({ length: count }, () => this.open(options)))
    for (const [one, other] of pairs) {
      const [near, far] = [devices[one] as Device, devices[other] as Device]
      far.addPeer({ publicKey: near.publicKey })
      await connect({ near, far, ...dialling(near, far) })
    }
    return devices
  }

  async connected(
    near: Partial<DeviceOptions> = {},
    far: Partial<DeviceOptions> = {},
    wire?: WireOptions,
  ): Promise<Connected & { wire: Wire }> {
    const pair = await this.pair(near, far, wire)
    return { ...pair, ...(await connect(pair)) }
  }
}

/** Dials, and waits for the other end as well. */
export async function connect(
  { peer, far }: Pair,
  options?: ConnectOptions,
): Promise<{ connection: Connection; accepted: Connection }> {
  const [connection, [accepted]] = await Promise.all([
    peer.connect(options),
    once(far, 'connection') as Promise<[Connection]>,
  ])
  return { connection, accepted }
}

/** Dials until something happens, and gives up: the dial is one that nobody answers, and how soon it is sent nobody knows. */
export async function dialUntil(peer: Peer, happens: Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  const dial = expect(peer.connect({ signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' })
  await happens
  stop.abort()
  await dial
}

/** Brings the tunnel up, without a dial. */
export async function bringUp(peer: Peer): Promise<void> {
  peer.update({ persistentKeepalive: 25 })
  await until(() => peer.up)
}

function dialling(near: Device, far: Device): Pick<Pair, 'peer' | 'back'> {
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: endpointOf(far) })
  return { peer, back: far.peers.get(near.publicKey) as Peer }
}

export function endpointOf(device: Device): string {
  return `127.0.0.1:${device.address.port}`
}

/** The next event of a type that a device tells. */
export function peerEvent<T extends PeerEvent['type']>(
  device: Device,
  type: T,
): Promise<Extract<PeerEvent, { type: T }>> {
  return new Promise((resolve) => {
    const listener = (event: PeerEvent): void => {
      if (event.type !== type) return
      device.off('peer', listener)
      resolve(event as Extract<PeerEvent, { type: T }>)
    }
    device.on('peer', listener)
  })
}

/** All messages until the connection ends. */
export async function collect(connection: Connection): Promise<Buffer[]> {
  const received: Buffer[] = []
  for await (const { bytes } of connection.messages()) received.push(bytes)
  return received
}

/** All pairs of `count`, or those that make a ring of them. */
export function pairs(count: number, shape: 'mesh' | 'ring'): [number, number][] {
  const all = Array.from({ length: count }, (_, one) =>
    Array.from({ length: count - one - 1 }, (_, index): [number, number] => [one, one + 1 + index]),
  ).flat()
  return shape === 'mesh' ? all : all.filter(([one, other]) => other - one === 1 || other - one === count - 1)
}

/** Waits until something is true; the test's own time limit ends it, and then nothing here keeps the process alive. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2).unref())
}

/** Lets time pass in which something must not happen; what is to happen is waited for with `until`. */
export async function nothingFor(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Lets what can happen now happen: a turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** Bytes in which each place tells where it is, so that nothing can be swapped, lost or doubled unseen. */
export function pattern(length: number, seed = 0): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}
