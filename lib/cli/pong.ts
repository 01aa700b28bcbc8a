import { once } from 'node:events'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { Device, type PeerEvent, parsePublicKey } from 'warren'
import { commandKey } from './keys.js'
import { PING_PROTOCOL } from './ping.js'
import { interruption, type Terminal } from './terminal.js'
import { UsageError } from './usage-error.js'

/** Answers pings until it is interrupted: sends each datagram back. */
export async function pong(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS })
  if (!/^\d+$/.test(values.listen)) throw new UsageError(`--listen must be a port; got '${values.listen}'`)
  const allowed = values.allow?.map((key) => parsePublicKey(key))
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
    device.on('peer', (event) => tell(event, terminal))
    device.on('connection', (connection) => {
      connection.on('datagram', (bytes) => {
        if (bytes.length <= connection.maxDatagramSize) connection.sendDatagram(bytes)
      })
    })
    terminal.stdout.write(`try this: npx warren ping ${device.publicKey}@${hostname()}:${device.address.port}\n`)
    if (!signal.aborted) await once(signal, 'abort')
    return 0
  } finally {
    await device.close()
    stop()
  }
}

function tell(event: PeerEvent, { stdout }: Terminal): void {
  if (event.type === 'up')
    stdout.write(`${event.publicKey} is up, with a handshake of ${event.handshakeMs.toFixed(2)} ms\n`)
  if (event.type === 'down') stdout.write(`${event.publicKey} is down\n`)
  if (event.type === 'rejected') stdout.write(`${event.publicKey} from ${event.endpoint} was not let in\n`)
}

const OPTIONS = {
  listen: { type: 'string', default: '0' },
  allow: { type: 'string', multiple: true },
  'key-file': { type: 'string' },
} as const
