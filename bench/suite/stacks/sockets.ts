import { once } from 'node:events'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { selfSigned } from './certificate.js'
import { framed } from './framed.js'
import { roomOf } from './room.js'
import type { Channel, Stack } from './stack.js'

/** The kernel's TCP: each channel is a socket. */
export const nodeNet = overSockets({
  listen: (accept) => net.createServer(accept),
  connect: (address) => net.connect(address),
  connected: 'connect',
})

/** TLS 1.3 over the kernel's TCP, with a certificate at both ends. */
export const nodeTlsChaCha = overTls('TLS_CHACHA20_POLY1305_SHA256')
export const nodeTlsAes = overTls('TLS_AES_128_GCM_SHA256')

interface Address {
  readonly host: string
  readonly port: number
}

interface Sockets {
  listen(accept: (socket: net.Socket) => void): net.Server
  connect(address: Address): net.Socket
  readonly connected: string
}

function overTls(ciphers: string): Stack {
  const versions = { ciphers, minVersion: 'TLSv1.3' } as const
  // The keys are proven; whose they are is not asked, as nobody asks warren's.
  const checks = { requestCert: true, rejectUnauthorized: false } as const
  let secureContext: tls.SecureContext | undefined
  return overSockets({
    listen: (accept) => tls.createServer({ ...selfSigned(), ...versions, ...checks }, accept),
    connect(address) {
      secureContext ??= tls.createSecureContext({ ...selfSigned(), ...versions })
      return tls.connect({ secureContext, ...checks, ...address })
    },
    connected: 'secureConnect',
  })
}

function overSockets({ listen, connect, connected }: Sockets): Stack {
  return {
    kinds: ['stream', 'message'],
    async open(host, kind, accept) {
      const sockets = new Set<net.Socket>()
      const keep = (socket: net.Socket): net.Socket => {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => sockets.delete(socket))
        return socket
      }
      const server = listen((socket) => accept(framed(kind, overSocket(keep(socket)))))
      server.listen({ host, port: 0, backlog: 4_096 })
      await once(server, 'listening')
      return {
        address: { host, port: (server.address() as net.AddressInfo).port },
        async dial(address: Address) {
          const opened: net.Socket[] = []
          const another = async (): Promise<net.Socket> => {
            const socket = keep(connect(address))
            opened.push(socket)
            await once(socket, connected)
            return socket
          }
          let first: net.Socket | undefined = await another()
          return {
            async open() {
              const socket = first ?? (await another())
              first = undefined
              return framed(kind, overSocket(socket))
            },
            async close() {
              for (const socket of opened) socket.destroy()
            },
          }
        },
        async close() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      }
    },
  }
}

function overSocket(socket: net.Socket): Channel {
  return {
    write(bytes) {
      return socket.write(bytes) ? undefined : roomOf(socket)
    },
    read: (take) => void socket.on('data', take),
  }
}
