import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bulkFrames, FRAME_BYTES, FrameReader, HEADER_BYTES, urgentHeader } from './frames.js'
import type { Line, Transport } from './transport.js'

const root = join(__dirname, '../../../..')
const sources = join(root, 'bench/priority/libp2p')
const installed = join(root, 'target/bench-libp2p')
const FILES = ['package.json', 'package-lock.json', 'index.mjs'] as const

/** As frames of 1,514 bytes with 1,448 of TCP payload; each of our frames has noise's 18 and yamux's 12 bytes once more or twice. */
const TCP_SHARE = (1_448 / 1_514) * (FRAME_BYTES / (FRAME_BYTES + HEADER_BYTES + 2 * (18 + 12)))

/**
 * A frame of 1,242 bytes: Ethernet 14, IPv4 20, UDP 8, and 1,200, since it does no MTU discovery. QUIC's header takes 11
 * (flags, connection id of 8, packet number of 2), the tag 16, a STREAM frame 6 (type, stream of 1, offset of 4).
 */
const QUIC_SHARE = ((1_200 - 11 - 16 - 6) / 1_242) * (FRAME_BYTES / (FRAME_BYTES + HEADER_BYTES))

/** js-libp2p over TCP, noise and yamux. */
export const libp2pTcp = overLibp2p('libp2p-tcp', 'tcp', TCP_SHARE)
/** js-libp2p over @chainsafe/libp2p-quic. */
export const libp2pQuic = overLibp2p('libp2p-quic', 'quic', QUIC_SHARE)

const URGENT = '/bench/urgent/1'
const BULK = '/bench/bulk/1'

function overLibp2p(name: string, kind: 'tcp' | 'quic', payloadShare: number): Transport {
  return {
    name,
    payloadShare,
    prepare: installLibp2p,
    async open(host, accept) {
      const { createNode, multiaddr } = await importLibp2p()
      const node = await createNode(kind, host)
      const read = (stream: Libp2pStream): void => {
        const frames = new FrameReader(accept())
        stream.addEventListener('message', ({ data }) => {
          for (const chunk of data instanceof Uint8Array ? [data] : data) frames.push(chunk)
        })
      }
      await node.handle(URGENT, read)
      await node.handle(BULK, read)
      return {
        address: String(node.getMultiaddrs()[0]),
        async dial(address: string) {
          const connection = await node.dial(multiaddr(address))
          // One stream a class, open before there is any load.
          return line(connection, await connection.newStream(URGENT), await connection.newStream(BULK))
        },
        close: async () => await node.stop(),
      }
    },
  }
}

function line(connection: Libp2pConnection, urgent: Libp2pStream, bulk: Libp2pStream): Line {
  return {
    sendUrgent(bytes) {
      urgent.send(Buffer.concat([urgentHeader(bytes), bytes]))
    },
    async sendBulk(bytes, signal) {
      for (const [header, part] of bulkFrames(bytes)) {
        if (signal?.aborted) {
          bulk.abort(new Error('cancelled'))
          return
        }
        // Not `onDrain()`: in 3.3.11 its promise is not renewed, and after the first time resolves at once.
        if (!bulk.send(Buffer.concat([header, part]))) {
          await new Promise<void>((resolve) => bulk.addEventListener('drain', () => resolve(), { once: true }))
        }
      }
    },
    async sendFresh(bytes) {
      const stream = await connection.newStream(URGENT)
      stream.send(Buffer.concat([urgentHeader(bytes), bytes]))
      await stream.close()
    },
  }
}

/** Once it is installed. */
export async function importLibp2p(): Promise<Libp2p> {
  return (await import(pathToFileURL(join(installed, 'index.mjs')).href)) as Libp2p
}

/** Into `target`, by the lockfile, once; gives why it cannot be. */
export function installLibp2p(): string | undefined {
  const isCurrent = FILES.every((file) => {
    const copy = join(installed, file)
    return existsSync(copy) && readFileSync(copy).equals(readFileSync(join(sources, file)))
  })
  if (isCurrent) return undefined
  rmSync(installed, { recursive: true, force: true })
  mkdirSync(installed, { recursive: true })
  const [entry, ...rest] = [...FILES].reverse()
  for (const file of rest) copyFileSync(join(sources, file), join(installed, file))
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: installed,
    encoding: 'utf8',
  })
  if (npm.status !== 0)
    return `npm could not install it: ${npm.error?.message ?? /npm error (?!code).+/.exec(npm.stderr)?.[0] ?? npm.status}`
  copyFileSync(join(sources, entry as string), join(installed, entry as string))
  return undefined
}

/** What is used of the packages that are not there when this compiles. */
export interface Libp2p {
  createNode(kind: 'tcp' | 'quic', host: string): Promise<Libp2pNode>
  multiaddr(address: string): unknown
}
interface Libp2pNode {
  getMultiaddrs(): readonly unknown[]
  handle(
    protocol: string,
    handler: (stream: Libp2pStream) => void,
    options?: { maxInboundStreams?: number },
  ): Promise<void>
  dial(address: unknown): Promise<Libp2pConnection>
  stop(): Promise<void>
}
interface Libp2pConnection {
  newStream(protocol: string, options?: { maxOutboundStreams?: number }): Promise<Libp2pStream>
  close(): Promise<void>
}
export interface Libp2pStream {
  send(bytes: Uint8Array): boolean
  close(): Promise<void>
  abort(error: Error): void
  addEventListener(event: 'message', listener: (event: { data: Uint8Array | Iterable<Uint8Array> }) => void): void
  addEventListener(event: 'drain', listener: () => void, options: { once: true }): void
}
