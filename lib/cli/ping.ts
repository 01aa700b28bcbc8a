import { isIPv6 } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Connection, Device } from 'warren'
import { commandKey, keyArgument } from './keys.js'
import { interruption, type Tell, type Terminal, teller } from './terminal.js'
import { UsageError } from './usage-error.js'

/** Protocol of `ping` and `pong`: each datagram is sent back as it came. */
export const PING_PROTOCOL = 'warren-ping/1'

/** Connects to a node that runs `pong`, and measures round trips. Fails when not one came back. */
export async function ping(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  const [publicKey, endpoint] = target(positionals)
  const count = whole('--count', values.count, 1, MOST_SEQUENCE)
  const interval = whole('--interval', values.interval, 1, LONGEST_TIMER)
  const size = whole('--size', values.size, SEQUENCE_BYTES, MOST_BYTES)
  const timeout = whole('--timeout', values.timeout, 1, LONGEST_TIMER)
  const tell = teller(terminal, values.json)
  const privateKey = await commandKey(values['key-file'], terminal)
  const { signal, stop } = interruption(terminal)
  const device = await Device.open({ privateKey, protocols: [PING_PROTOCOL], signal })
  try {
    tell({ type: 'node', publicKey: device.publicKey }, `this node is ${device.publicKey}`)
    const connection = await dial(device, publicKey, endpoint, timeout, signal, tell)
    const { sent, times } = await roundTrips(connection, { count, interval, size, signal }, tell)
    summarise(sent, times, tell)
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
  tell: Tell,
): Promise<Connection> {
  const start = performance.now()
  let handshakeMs: number | undefined
  device.on('peer', (event) => {
    if (event.type === 'up') handshakeMs = event.handshakeMs
  })
  const connection = await device.addPeer({ publicKey, endpoint }).connect({ timeout, signal })
  const connectMs = performance.now() - start
  const at = connection.peer.endpoint ?? endpoint
  const handshake = handshakeMs === undefined ? 'a live session' : `a handshake of ${milliseconds(handshakeMs)}`
  tell(
    { type: 'connected', publicKey, endpoint: at, connectMs, handshakeMs },
    `connected to ${at} in ${milliseconds(connectMs)}, with ${handshake}`,
  )
  return connection
}

interface Series {
  readonly count: number
  readonly interval: number
  readonly size: number
  readonly signal: AbortSignal
}

async function roundTrips(
  connection: Connection,
  series: Series,
  tell: Tell,
): Promise<{ readonly sent: number; readonly times: readonly number[] }> {
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
  let sent = 0
  while (sent < series.count && !series.signal.aborted) {
    const sequence = ++sent
    payload.writeUInt32BE(sequence)
    // The device keeps the process alive; after its close nothing is waited for.
    const next = delay(series.interval, false, { signal: series.signal, ref: false }).catch(() => false)
    const start = performance.now()
    connection.sendDatagram(payload)
    const answer = new Promise<boolean>((resolve) => waiting.set(sequence, resolve))
    const isAnswered = await Promise.race([answer, next, ended])
    if (isAnswered) {
      const ms = performance.now() - start
      times.push(ms)
      const { size } = series
      tell({ type: 'answer', sequence, bytes: size, ms }, `${sequence}: ${size} bytes in ${milliseconds(ms)}`)
    } else tell({ type: 'no-answer', sequence }, `${sequence}: no answer`)
    if (sent < series.count) await Promise.race([next, ended])
  }
  return { sent, times }
}

function target(positionals: readonly string[]): [publicKey: string, endpoint: string] {
  const [whole, ...more] = positionals
  const at = whole?.indexOf('@') ?? -1
  if (whole === undefined || at < 0 || more.length > 0) throw new UsageError('ping needs one <public key>@<host:port>')
  return [keyArgument('the key before the @', whole.slice(0, at)), address(whole.slice(at + 1))]
}

/** The address of a target, whose form is checked; what the name stands for is the device's business. */
function address(text: string): string {
  const { bracketed, bare, port } = ADDRESS.exec(text)?.groups ?? {}
  const isBareIPv6 = isIPv6(text.replace(/%.*/, ''))
  if (isBareIPv6) throw new UsageError(`an IPv6 address stands in brackets before its port: [${text}]:51820`)
  if (port === undefined && (bracketed ?? bare ?? '') !== '')
    throw new UsageError(`the address ${text} has no port; write ${text}:<port>, with the one that pong says`)
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new UsageError(`'${text}' is not <host:port>, or [<IPv6 address>]:<port>, with a port from 1 to 65535`)
  return text
}

function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most)
    throw new UsageError(`${name} must be a whole number from ${least} to ${most}; got '${text}'`)
  return number
}

function summarise(sent: number, times: readonly number[], tell: Tell): void {
  const answered = times.length
  const lost = sent - answered
  const counts = `${answered} of ${sent} answered${lost > 0 ? `, ${lost} lost` : ''}`
  if (answered === 0) {
    tell({ type: 'summary', sent, answered }, counts)
    return
  }
  const leastMs = Math.min(...times)
  const averageMs = times.reduce((sum, time) => sum + time, 0) / answered
  const mostMs = Math.max(...times)
  tell(
    { type: 'summary', sent, answered, leastMs, averageMs, mostMs },
    `${counts}; least ${milliseconds(leastMs)}, average ${milliseconds(averageMs)}, most ${milliseconds(mostMs)}`,
  )
}

function milliseconds(time: number): string {
  return `${time.toFixed(time < 10 ? 2 : 1)} ms`
}

/** A host, or an IPv6 address in brackets, with or without a port. */
const ADDRESS = /^(?:\[(?<bracketed>[^\]]*)\]|(?<bare>[^:[\]]*))(?::(?<port>\d{1,5}))?$/

const SEQUENCE_BYTES = 4
const MOST_SEQUENCE = 2 ** 32 - 1

/**
 * A datagram in a tunnel whose `mtu` is the default of 1,420: less 48 bytes of IPv6 and UDP and 30 of QUIC (`max_datagram_size` of
 * `native/quic`). The path may carry less, which is known when it is connected.
 */
export const MOST_BYTES = 1_342

/** The longest time that a timer of Node takes, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1

const OPTIONS = {
  count: { type: 'string', default: '5' },
  interval: { type: 'string', default: '1000' },
  size: { type: 'string', default: '56' },
  timeout: { type: 'string', default: '10000' },
  'key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const
