// Streams, filters and events as their users see them.

import type { Duplex, Readable, Writable } from 'node:stream'
import type {
  Connection,
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  Device,
  IncomingStream,
  Outcome,
  Outgoing,
  Peer,
} from 'warren'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the two types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

export function streams(connection: Connection): void {
  const both = connection.openStream()
  same<typeof both, ConnectionStream>()
  both satisfies Duplex
  both.priority = 7
  same<typeof both.connection, Connection>()
  same<typeof both.name, string | undefined>()
  // What `node:http` and others ask of a socket.
  both
    .setTimeout(1_000, () => {})
    .setKeepAlive(true, 1_000)
    .setNoDelay()
    .ref()
    .unref() satisfies ConnectionStream
  same<[typeof both.bytesRead, typeof both.bytesWritten, typeof both.timeout], [number, number, number | undefined]>()
  both.write('text', 'utf8', (error) => error?.message)
  both.end(Buffer.of(1), () => {}) satisfies ConnectionStream
  // @ts-expect-error nothing else changes how it is called
  both.name = 'other'

  const out = connection.openStream({ direction: 'out', priority: 1, highWaterMark: 4_096 })
  same<typeof out, ConnectionWritable>()
  out satisfies Writable
  // @ts-expect-error nothing is read from it
  out.read()

  connection.on('stream', (stream) => {
    same<typeof stream, IncomingStream>()
    same<typeof stream.name, string | undefined>()
    stream satisfies Readable
    // @ts-expect-error it may be one way only
    stream.end()
    if ('end' in stream) same<typeof stream, ConnectionStream>()
    else same<typeof stream, ConnectionReadable>()
  })

  connection.openStream({ name: 'blocks/17', allowHalfOpen: true, signal: AbortSignal.timeout(1_000) })
  // @ts-expect-error it has no protocol of its own
  connection.openStream({ protocol: 'chat/1' })
  // @ts-expect-error there are two directions
  connection.openStream({ direction: 'in' })
  // @ts-expect-error the other end's priority is its own
  connection.on('stream', (stream: ConnectionReadable) => (stream.priority = 1))
}

export function messages(connection: Connection, outgoing: Outgoing): void {
  same<typeof outgoing.settled, Promise<Outcome>>()
  // @ts-expect-error an unknown filter
  connection.messages({ priority: 5 })
  // @ts-expect-error an unknown option
  void connection.send(Buffer.of(1), { lifespan: 5 })
}

export function events(device: Device, peer: Peer): void {
  device.on('peer', (event) => {
    if (event.type === 'up') same<typeof event.handshakeMs, number>()
    if (event.type === 'moved') same<typeof event.from, string | undefined>()
    if (event.type === 'rejected') same<typeof event.reason, 'refused' | 'error' | 'timeout'>()
    // @ts-expect-error only 'up' has it
    event.handshakeMs
  })
  // @ts-expect-error a peer has no 'error'
  peer.on('error', () => {})
  peer.update({ presharedKey: null, persistentKeepalive: null, endpoint: ['a:1'], replace: true })
  // @ts-expect-error the key is who it is
  peer.update({ publicKey: peer.publicKey })
}
