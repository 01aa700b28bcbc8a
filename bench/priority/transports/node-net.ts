import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { bulkFrames, FRAME_BYTES, FrameReader, HEADER_BYTES, urgentHeader } from './frames.js'
import type { Line, Transport } from './transport.js'

/** A frame of 1,514 bytes: Ethernet 14, IPv4 20, TCP 20 and its timestamps 12; of what is left our own headers. */
const PAYLOAD_SHARE = (1_448 / 1_514) * (FRAME_BYTES / (FRAME_BYTES + HEADER_BYTES))

/** Plain TCP: everything on one socket. */
export const nodeNet = overSockets('node-net', 1)
/** Plain TCP: urgent objects on a socket of their own. */
export const nodeNetTwo = overSockets('node-net-2', 2)

function overSockets(name: string, count: 1 | 2): Transport {
  return {
    name,
    payloadShare: PAYLOAD_SHARE,
    async open(host, accept) {
      const sockets = new Set<Socket>()
      const keep = (socket: Socket): Socket => {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => sockets.delete(socket))
        return socket
      }
      const server = createServer((socket) => {
        const frames = new FrameReader(accept())
        keep(socket).on('data', (chunk) => frames.push(chunk))
      })
      server.listen(0, host)
      await once(server, 'listening')
      return {
        address: { host, port: (server.address() as AddressInfo).port },
        async dial(address: { host: string; port: number }) {
          const dialled = Array.from({ length: count }, () => keep(connect(address)))
          await Promise.all(dialled.map((socket) => once(socket, 'connect')))
          return line(dialled[0] as Socket, dialled[count - 1] as Socket)
        },
        async close() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      }
    },
  }
}

function line(bulk: Socket, urgent: Socket): Line {
  return {
    sendUrgent(bytes) {
      urgent.cork()
      urgent.write(urgentHeader(bytes))
      urgent.write(bytes)
      urgent.uncork()
    },
    async sendBulk(bytes, signal) {
      for (const [header, part] of bulkFrames(bytes)) {
        if (signal?.aborted) return
        bulk.cork()
        bulk.write(header)
        const hasRoom = bulk.write(part)
        bulk.uncork()
        if (!hasRoom) await once(bulk, 'drain')
      }
    },
  }
}
