import { once } from 'node:events'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { Device, type PeerEvent } from 'warren'
import { commandKey, keyArgument } from './keys.js'
import { PING_PROTOCOL } from './ping.js'
import { interruption, type Tell, type Terminal, teller } from './terminal.js'
import { UsageError } from './usage-error.js'

/** Answers pings until it is interrupted: sends each datagram back. */
export async function pong(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS })
  if (!/^\d+$/.test(values.listen) || Number(values.listen) > 65_535)
    throw new UsageError(`--listen must be a port, 0 to 65535; got '${values.listen}'`)
  const allowed = values.allow?.map((key) => keyArgument('--allow', key))
  const tell = teller(terminal, values.json)
  const privateKey = await commandKey(values['key-file'], terminal)
  const { signal, stop } = interruption(terminal)
  const device = await Device.open({
    privateKey,
    listen: Number(values.listen),
    protocols: [PING_PROTOCOL],
    authorize: ({ publicKey }) => allowed?.includes(publicKey) ?? true,
    signal,
  })
  try {
    device.on('peer', (event) => report(event, tell))
    device.on('connection', (connection) => {
      connection.on('datagram', (bytes) => {
        if (bytes.length <= connection.maxDatagramSize) connection.sendDatagram(bytes)
      })
    })
    const { publicKey, address } = device
    const { port } = address
    tell({ type: 'listening', publicKey, port }, `try this: npx warren ping ${publicKey}@${hostname()}:${port}`)
    if (!signal.aborted) await once(signal, 'abort')
    return 0
  } finally {
    await device.close()
    stop()
  }
}

function report(event: PeerEvent, tell: Tell): void {
  const { type, publicKey } = event
  if (type === 'up') {
    const { handshakeMs } = event
    tell({ type, publicKey, handshakeMs }, `${publicKey} is up, with a handshake of ${handshakeMs.toFixed(2)} ms`)
  }
  if (type === 'down') tell({ type, publicKey, reason: event.reason }, `${publicKey} is down`)
  if (type === 'rejected') {
    const { endpoint, reason } = event
    tell({ type, publicKey, endpoint, reason }, `${publicKey} from ${endpoint} was not let in`)
  }
}

const OPTIONS = {
  listen: { type: 'string', default: '0' },
  allow: { type: 'string', multiple: true },
  'key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const
