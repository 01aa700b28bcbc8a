// A program: one end of streams over the kernel's UDP, in the network namespace where it is started. Driven by JSON lines,
// as CommandProcess has it: "send" (from, to, packets, size, timeout), "receive" (at), "received" (at).

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { createInterface } from 'node:readline'
import { StreamReceiver, sendStream } from './stream.mjs'

const receivers = new Map()

const commands = {
  async send({ from, to, packets, size, timeout }) {
    const socket = await bind(from)
    const { address, port } = parse(to)
    const connected = {
      onPayload: () => {},
      send: (payload) => {
        socket.send(payload, port, address)
        return true
      },
    }
    socket.on('message', (payload) => connected.onPayload(payload))
    try {
      await sendStream(connected, { packets, size, timeout })
    } finally {
      socket.close()
    }
  },

  async receive({ at }) {
    const socket = await bind(at)
    let sender
    const answering = { onPayload: () => {}, send: (payload) => socket.send(payload, sender.port, sender.address) }
    receivers.set(at, new StreamReceiver(answering))
    socket.on('message', (payload, from) => {
      sender = from
      answering.onPayload(payload)
    })
    socket.unref()
  },

  received({ at }) {
    return { received: receivers.get(at).received }
  },
}

tell({ event: 'ready' })
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { command, id, ...options } = JSON.parse(line)
  try {
    tell({ event: command, id, ...(await commands[command](options)) })
  } catch (error) {
    tell({ event: command, id, reason: error.message })
  }
})

async function bind(endpoint) {
  const { address, port } = parse(endpoint)
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
  socket.on('error', () => {}) // a datagram that could not leave is one that was lost
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

function parse(endpoint) {
  const { hostname, port } = new URL(`udp://${endpoint}`)
  return { address: hostname.replace(/[[\]]/g, ''), port: Number(port) }
}

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
