import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Channel, Stack } from './stack.js'

/** The kernel's UDP. */
export const nodeDgram: Stack = {
  kinds: ['datagram', 'packet'],
  async open(host, _kind, accept) {
    const server = await bound(host)
    const takers = new Map<string, (bytes: Uint8Array) => void>()
    server.on('message', (bytes, { address, port }: RemoteInfo) => {
      const from = `${address}:${port}`
      if (!takers.has(from)) {
        accept({
          write: (answer) => void server.send(answer, port, address),
          read: (take) => void takers.set(from, take),
        })
      }
      takers.get(from)?.(bytes)
    })
    const dialled: Socket[] = []
    return {
      address: server.address(),
      async dial({ address, port }: { address: string; port: number }) {
        const socket = await bound(host)
        dialled.push(socket)
        socket.connect(port, address)
        await once(socket, 'connect')
        return { open: async () => overSocket(socket), close: async () => void socket.close() }
      },
      async close() {
        for (const socket of [server, ...dialled]) socket.close()
      },
    }
  },
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES })
  socket.on('error', () => undefined)
  socket.bind(0, host)
  await once(socket, 'listening')
  return socket
}

function overSocket(socket: Socket): Channel {
  return {
    write: (bytes) => void socket.send(bytes),
    read: (take) => void socket.on('message', take),
  }
}

/** The kernel cuts it down to `net.core.rmem_max`. */
const BUFFER_BYTES = 4 * 2 ** 20
