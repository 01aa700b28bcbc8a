import { importLibp2p, type Libp2pStream } from '../../priority/transports/libp2p.js'
import { framed } from './framed.js'
import type { Channel, End, Kind, Stack } from './stack.js'

const PROTOCOL = '/bench/1'

/** js-libp2p over TCP, noise and yamux. */
export const libp2pTcp: Stack = over('tcp')
/** js-libp2p over @chainsafe/libp2p-quic. */
export const libp2pQuic: Stack = over('quic')

function over(transport: 'tcp' | 'quic'): Stack {
  return {
    kinds: ['stream', 'message'],
    open: (host, kind, accept) => open(transport, host, kind, accept),
  }
}

async function open(
  transport: 'tcp' | 'quic',
  host: string,
  kind: Kind,
  accept: (channel: Channel) => void,
): Promise<End> {
  const { createNode, multiaddr } = await importLibp2p()
  const node = await createNode(transport, host)
  await node.handle(PROTOCOL, (stream) => accept(framed(kind, overStream(stream))), { maxInboundStreams: 1_000 })
  return {
    address: String(node.getMultiaddrs()[0]),
    async dial(address: string) {
      const connection = await node.dial(multiaddr(address))
      return {
        open: async () => framed(kind, overStream(await connection.newStream(PROTOCOL, { maxOutboundStreams: 1_000 }))),
        close: () => connection.close(),
      }
    },
    another: () => open(transport, host, kind, accept),
    close: async () => await node.stop(),
  }
}

function overStream(stream: Libp2pStream): Channel {
  return {
    write(bytes) {
      if (stream.send(bytes)) return undefined
      // Not `onDrain()`: in 3.3.11 its promise is not renewed, and after the first time resolves at once.
      return new Promise<void>((resolve) => stream.addEventListener('drain', () => resolve(), { once: true }))
    },
    read(take) {
      stream.addEventListener('message', ({ data }) => {
        for (const chunk of data instanceof Uint8Array ? [data] : data) take(chunk)
      })
    },
  }
}
