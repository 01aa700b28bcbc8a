/** The device that is attacked, in a process of its own: `victim.js <options>`. */

import { setImmediate } from 'node:timers/promises'
import { type Connection, Device, type Limits } from 'warren'
import { HONEST, HOSTILE, key, VICTIM } from './keys.js'
import { Load } from './load.js'

export interface VictimOptions {
  /** The behaviour towards connections of the hostile peer. */
  readonly hostile: 'reads' | 'ignores' | 'writes'
  /** In bits per second; then the bulk is the victim's own, to the honest peer. */
  readonly uplink?: number | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly driver?: 'native' | 'script' | undefined
}

/** The answer to every question. */
export interface VictimAnswer {
  /** Arrivals of the honest pair since the last question. */
  readonly load: ReturnType<Load['take']>
  readonly residentBytes: number
  readonly stats: Readonly<Record<string, unknown>>
  /** Connections of the hostile peer, so far. */
  readonly hostileConnections: number
  /** The number of ends by reason. */
  readonly closes: Readonly<Record<string, number>>
  /** Exceptions that nobody caught. */
  readonly thrown: readonly string[]
}

async function main(options: VictimOptions): Promise<void> {
  const thrown: string[] = []
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => void thrown.push(String(error)))
  }
  const device = await Device.open({
    privateKey: key(VICTIM),
    listen: { host: '127.0.0.1' },
    protocols: ['test'],
    uplink: options.uplink,
    limits: options.limits,
    driver: options.driver,
  })
  device.on('error', (error) => void thrown.push(String(error)))
  const load = new Load()
  const honest = device.addPeer({ publicKey: key(HONEST).publicKey })
  for (const number of HOSTILE) device.addPeer({ publicKey: key(number).publicKey })
  let hostileConnections = 0
  const closes: Record<string, number> = {}
  device.on('connection', (connection) => {
    if (connection.peer === honest) {
      if (options.uplink === undefined) load.receive(connection)
      else load.send(connection)
      return
    }
    hostileConnections++
    void connection.closed.then(({ by, error }) => {
      const why = `${by} ${error?.message ?? ''}`
      closes[why] = (closes[why] ?? 0) + 1
    })
    if (options.hostile !== 'ignores') read(connection)
    if (options.hostile === 'writes') void write(connection)
  })
  process.on('message', () => {
    const answer: VictimAnswer = {
      load: load.take(),
      residentBytes: process.memoryUsage.rss(),
      stats: JSON.parse(JSON.stringify(device.stats())),
      hostileConnections,
      closes,
      thrown,
    }
    process.send?.(answer)
  })
  process.once('disconnect', () => process.exit())
  process.send?.({ port: device.address.port })
}

function read(connection: Connection): void {
  connection.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.resume()
    if ('end' in stream) stream.end()
  })
  void (async () => {
    for await (const _ of connection.messages());
  })()
}

/** A stream of small writes for as long as there is room. */
async function write(connection: Connection): Promise<void> {
  const stream = connection.openStream({ direction: 'out' })
  stream.on('error', () => {})
  const line = Buffer.alloc(20, 65)
  while (connection.isOpen && !stream.destroyed) {
    for (let count = 0; count < 200 && stream.write(line); count++);
    await (stream.writableNeedDrain ? drained(stream, connection) : setImmediate())
  }
}

async function drained(stream: NodeJS.EventEmitter, connection: Connection): Promise<unknown> {
  return Promise.race([new Promise((resolve) => stream.once('drain', resolve)), connection.closed])
}

void main(JSON.parse(process.argv[2] ?? '{}') as VictimOptions)
