/** The honest peer, in a process of its own: `honest.js <options>`. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Device } from 'warren'
import { HONEST, key, VICTIM } from './keys.js'
import { Load } from './load.js'

export interface HonestOptions {
  readonly port: number
  /** Whether the bulk comes from the victim. */
  readonly receives: boolean
  readonly driver?: 'native' | 'script' | undefined
}

/** The first message, once it is connected. */
export interface HonestReady {
  /** The number that the victim gave the session, as who is on the path overhears it: 8 hexadecimal digits. */
  readonly session: string
}

async function main(options: HonestOptions): Promise<void> {
  const device = await Device.open({
    privateKey: key(HONEST),
    listen: { host: '127.0.0.1' },
    protocols: ['test'],
    driver: options.driver,
  })
  const relay = await Relay.between(device.address.port, options.port)
  const peer = device.addPeer({ publicKey: key(VICTIM).publicKey, endpoint: `127.0.0.1:${relay.port}` })
  const connection = await peer.connect()
  peer.update({ endpoint: `127.0.0.1:${options.port}` })
  const load = new Load()
  if (options.receives) load.receive(connection)
  else load.send(connection)
  void connection.closed.then(({ error }) => process.send?.({ closed: String(error) }))
  process.on('message', () => process.send?.({ load: load.take() }))
  process.once('disconnect', () => process.exit())
  const ready: HonestReady = { session: relay.session ?? '' }
  process.send?.(ready)
}

/** A socket between two ports, on which the numbers of sessions are read. */
class Relay {
  /** The receiver's number in data that went to the second port. */
  session: string | undefined
  readonly #socket: Socket

  private constructor(socket: Socket, one: number, other: number) {
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      if (from.port === other) return socket.send(bytes, one, '127.0.0.1')
      if (bytes[0] === DATA) this.session = bytes.subarray(4, 8).toString('hex')
      socket.send(bytes, other, '127.0.0.1')
    })
  }

  static async between(one: number, other: number): Promise<Relay> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Relay(socket, one, other)
  }

  get port(): number {
    return this.#socket.address().port
  }
}

/** The type of WireGuard's data messages (whitepaper section 5.4.6). */
const DATA = 4

void main(JSON.parse(process.argv[2] ?? '{}') as HonestOptions)
