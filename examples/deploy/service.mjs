// A service that sends every message back to who sent it, as a container or systemd runs it. Its settings are environment
// variables; its key is a file that nobody else reads.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Device } from 'warren'

const { WARREN_KEY_FILE, WARREN_PORT = '51820', WARREN_PEERS = '', HEALTH_PORT = '9000' } = process.env
const peers = new Set(WARREN_PEERS.split(/[\s,]+/).filter(Boolean))

const device = await Device.open({
  privateKey: readFileSync(WARREN_KEY_FILE, 'utf8').trim(),
  listen: Number(WARREN_PORT),
  authorize: ({ publicKey }) => peers.has(publicKey),
})
console.log(`${device.publicKey} listens on port ${device.address.port}, for ${peers.size} peers`)

device.on('connection', async (connection) => {
  for await (const { bytes, priority } of connection.messages()) {
    // It rejects when the connection ends first: then there is nobody to answer.
    await connection.send(bytes, { priority }).catch(() => {})
  }
})

// Answered as long as this process has its turns. On loopback: nobody outside is to ask.
const health = createServer((_, response) => response.end(`${device.connections.size} connections\n`))
health.listen(Number(HEALTH_PORT), '127.0.0.1')

// What was sent is delivered before the end, for five seconds at most. A second signal ends the process at once.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => device.close())

// A device that ends by itself is a fault: whoever runs the service starts it again.
const { error } = await device.closed
health.close()
if (error !== undefined) throw error
