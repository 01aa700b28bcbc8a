import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Connection, Device } from 'warren'
import { commandKey } from './keys.js'
import { interruption, type Terminal } from './terminal.js'
import { UsageError } from './usage-error.js'

/** What `ping` and `pong` speak: each datagram is sent back as it came. */
export const PING_PROTOCOL = 'warren-ping/1'

/** Connects to a node that runs `pong`, and measures round trips. Fails when not one came back. */
export async function ping(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  const [publicKey, endpoint] = target(positionals)
  const count = whole('--count', values.count, 1)
  const interval = whole('--interval', values.interval, 1)
  const size = whole('--size', values.size, SEQUENCE_BYTES)
  const timeout = whole('--timeout', values.timeout, 1)
  const privateKey = await commandKey(values['key-file'], terminal)
  const { signal, stop } = interruption(terminal)
  const device = await Device.open({ privateKey, protocols: [PING_PROTOCOL], signal })
  try {
    terminal.stdout.write(`this node is ${device.publicKey}\n`)
    const connection = await dial(device, publicKey, endpoint, timeout, signal, terminal)
    const times = await roundTrips(connection, { count, interval, size, signal }, terminal)
    terminal.stdout.write(summary(count, times))
    return times.length > 0 ? 0 : 1
  } finally {
    await device.close()
    stop()
  }
}

async function dial(
  device: Device,
  publicKey: string,
  endpoint: string,
  timeout: number,
  signal: AbortSignal,
  { stdout }: Terminal,
): Promise<Connection> {
  const start = performance.now()
  let handshake = 'a live session'
  device.on('peer', (event) => {
    if (event.type === 'up') handshake = `a handshake of ${milliseconds(event.handshakeMs)}`
  })
  const connection = await device.addPeer({ publicKey, endpoint }).connect({ timeout, signal })
  stdout.write(
    `connected to ${connection.peer.endpoint ?? endpoint} in ${milliseconds(performance.now() - start)}, with ${handshake}\n`,
  )
  return connection
}

interface Series {
  readonly count: number
  readonly interval: number
  readonly size: number
  readonly signal: AbortSignal
}

async function roundTrips(connection: Connection, series: Series, { stdout }: Terminal): Promise<readonly number[]> {
  const times: number[] = []
  const payload = Buffer.alloc(series.size)
  const ended = connection.closed.then((reason) => {
    throw reason.error ?? new Error(`the peer closed the connection: ${reason.reason}`)
  })
  ended.catch(() => undefined)
  const waiting = new Map<number, (answered: boolean) => void>()
  connection.on('datagram', (bytes) => {
    if (bytes.length >= SEQUENCE_BYTES) waiting.get(bytes.readUInt32BE())?.(true)
  })
  for (let sequence = 1; sequence <= series.count && !series.signal.aborted; sequence++) {
    payload.writeUInt32BE(sequence)
    const next = delay(series.interval, false, { signal: series.signal }).catch(() => false)
    const start = performance.now()
    connection.sendDatagram(payload)
    const answer = new Promise<boolean>((resolve) => waiting.set(sequence, resolve))
    const isAnswered = await Promise.race([answer, next, ended])
    if (isAnswered) times.push(performance.now() - start)
    const result = isAnswered ? `${series.size} bytes in ${milliseconds(times.at(-1) ?? 0)}` : 'no answer'
    stdout.write(`${sequence}: ${result}\n`)
    if (sequence < series.count) await Promise.race([next, ended])
  }
  return times
}

function target(positionals: readonly string[]): [publicKey: string, endpoint: string] {
  const [whole, ...more] = positionals
  const at = whole?.indexOf('@') ?? -1
  if (whole === undefined || at < 0 || more.length > 0) throw new UsageError('ping needs one <public key>@<host:port>')
  return [whole.slice(0, at), whole.slice(at + 1)]
}

function whole(name: string, text: string, least: number): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least)
    throw new UsageError(`${name} must be a whole number from ${least}; got '${text}'`)
  return number
}

function summary(sent: number, times: readonly number[]): string {
  const lost = sent - times.length
  const counts = `${times.length} of ${sent} answered${lost > 0 ? `, ${lost} lost` : ''}`
  if (times.length === 0) return `${counts}\n`
  const average = times.reduce((sum, time) => sum + time, 0) / times.length
  return `${counts}; least ${milliseconds(Math.min(...times))}, average ${milliseconds(average)}, most ${milliseconds(Math.max(...times))}\n`
}

function milliseconds(time: number): string {
  return `${time.toFixed(time < 10 ? 2 : 1)} ms`
}

const SEQUENCE_BYTES = 4

const OPTIONS = {
  count: { type: 'string', default: '5' },
  interval: { type: 'string', default: '1000' },
  size: { type: 'string', default: '56' },
  timeout: { type: 'string', default: '10000' },
  'key-file': { type: 'string' },
} as const
