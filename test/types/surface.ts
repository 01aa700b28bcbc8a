// What users write compiles, what they must not write does not, and what they get has exactly these types.

import type { Buffer } from 'node:buffer'
import { tracingChannel } from 'node:diagnostics_channel'
import type { Duplex } from 'node:stream'
import {
  type addressOf,
  type CloseReason,
  type Connection,
  Device,
  type Diagnostics,
  type DialTrace,
  type Endpoint,
  type LaneStats,
  type Message,
  type Outcome,
  type Outgoing,
  type Peer,
  type PeerEvent,
  PrivateKey,
  type PublicKey,
  parseConfig,
  type parsePublicKey,
  type Tried,
  WarrenError,
  type WarrenErrorCode,
} from 'warren'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the two types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

export async function device(): Promise<void> {
  const privateKey = PrivateKey.generate()
  same<typeof privateKey.publicKey, PublicKey>()
  same<ReturnType<typeof addressOf>, string>()
  same<ReturnType<typeof parsePublicKey>, PublicKey>()

  const device = await Device.open({
    privateKey,
    listen: undefined,
    protocols: ['ledger/2', 'ledger/1'] as const,
    authorize: async ({ publicKey, endpoint, signal }) => {
      same<typeof publicKey, PublicKey>()
      same<typeof signal, AbortSignal>()
      return endpoint.length > 0 && { allowedIPs: ['10.0.0.0/8'], persistentKeepalive: 25 }
    },
    driver: 'script',
    lanes: { 10: { full: 'drop-oldest', maxQueuedBytes: 1_000_000 }, 0: { rate: 20_000_000 }, 1: undefined },
    forgetAfter: 60_000,
    limits: { peers: 10, peersPerAddress: 5 },
  })
  same<typeof device.peers, ReadonlyMap<PublicKey, Peer>>()
  same<typeof device.connections, ReadonlySet<Connection>>()
  same<typeof device.closed, Promise<CloseReason>>()
  device.on('connection', (connection) => same<typeof connection, Connection>())
  device.on('connectionClose', (connection, reason) => {
    same<typeof connection, Connection>()
    same<typeof reason, CloseReason>()
  })
  device.on('peer', (event) => {
    same<typeof event, PeerEvent>()
    if (event.type === 'dial-failed') same<typeof event.error, WarrenError>()
  })
  device.on('error', (error) => same<typeof error, WarrenError>())
  device.ref().unref()

  // @ts-expect-error the key is not optional
  await Device.open({})
  // @ts-expect-error an unknown option
  await Device.open({ privateKey, port: 1 })
  // @ts-expect-error durations are numbers
  await Device.open({ privateKey, deadAfter: '15s' })
  // @ts-expect-error there are two drivers
  await Device.open({ privateKey, driver: 'tokio' })
  // @ts-expect-error there are four policies
  await Device.open({ privateKey, lanes: { 1: { full: 'drop' } } })
  // @ts-expect-error priorities are numbers
  await Device.open({ privateKey, lanes: { high: {} } })
  // @ts-expect-error a device is opened, not constructed
  new Device()
  // @ts-expect-error read only
  device.publicKey = ''
  await using _closedAtTheEnd = device
}

export async function connection(device: Device, publicKey: PublicKey): Promise<void> {
  const peer = device.addPeer({
    publicKey,
    endpoint: ['203.0.113.5:51820', '[2001:db8::1]:51820'],
    maxPriority: 100,
    connect: true,
  })
  peer.update({ connect: { protocols: ['ledger/2'] } })
  // @ts-expect-error whether, not how long
  peer.update({ connect: 10_000 })
  peer.on('packet', (packet) => same<typeof packet, Buffer>())
  same<ReturnType<typeof peer.sendPacket>, boolean>()

  const connection = await peer.connect({ protocols: ['ledger/2'], timeout: 1_000, signal: AbortSignal.timeout(1) })
  same<typeof connection, Connection>()
  same<typeof connection.initiator, 'local' | 'remote'>()

  const outgoing = await connection.send(new Uint8Array(1), { priority: 200, lifetime: 5, replaces: 'vote' })
  same<typeof outgoing, Outgoing>()
  const outcome = await outgoing.settled
  same<typeof outcome, 'delivered' | 'expired' | 'cancelled' | 'replaced' | 'dropped' | 'lost'>()
  if (outcome === 'delivered') outgoing.cancel()
  const results = await device.broadcast(new Uint8Array(1), { to: device.connections, except: connection, patience: 5 })
  same<typeof results, ReadonlyMap<Connection, Outgoing>>()
  await device.broadcast(new Uint8Array(1), { to: [connection], lifetime: 5, replaces: 'vote', signal: undefined })
  for await (const message of device.messages({ minPriority: 1, protocol: 'ledger/2' })) same<typeof message, Message>()
  // @ts-expect-error a connection has one protocol
  connection.messages({ protocol: 'ledger/2' })
  for await (const message of connection.messages({ minPriority: 1, maxPriority: 2 })) {
    same<typeof message, Message>()
    same<typeof message.bytes, Buffer>()
  }

  const stream = connection.openStream({ priority: 3 })
  stream satisfies Duplex
  connection.openStream({ direction: 'out' }).end('whole')
  connection.on('close', (reason) => same<typeof reason, CloseReason>())
  same<ReturnType<typeof connection.sendDatagram>, boolean>()

  // @ts-expect-error bytes, not text
  await connection.send('vote')
  // @ts-expect-error a priority is a number
  await connection.send(new Uint8Array(1), { priority: 'high' })
  for (const stats of [connection.stats(), peer.stats(), device.stats()]) {
    for (const lane of stats.lanes) same<typeof lane, LaneStats>()
    stats.lanes[0]?.delivery.sum satisfies number | undefined
  }
  same<ReturnType<typeof peer.stats>['packetsSent'], number>()
  same<ReturnType<typeof peer.stats>['handshakeAgeMs'], number | undefined>()
  const { rttMs, messagesDelivered } = connection.stats()
  same<typeof rttMs | typeof messagesDelivered, number>()
  const { receiveDroppedStranger, peersForgotten, sendErrorENETUNREACH } = device.stats()
  same<typeof receiveDroppedStranger | typeof peersForgotten, number>()
  same<typeof sendErrorENETUNREACH, number | undefined>()
  // @ts-expect-error misspelt
  device.stats().packetSent
  // @ts-expect-error misspelt
  device.stats().sendErorENETUNREACH
  // @ts-expect-error a figure of connections
  peer.stats().rttMs
  // @ts-expect-error read only
  device.stats().peers = 1

  // @ts-expect-error to connections, not to peers
  await device.broadcast(new Uint8Array(1), { to: [peer] })
  await device.broadcast(new Uint8Array(1), { protocol: 'ledger/1' })
  same<typeof peer.connections, ReadonlySet<Connection>>()
  peer.update({ endpoint: [device.address, 'a:1'] })
  device.messages() satisfies AsyncDisposable
  peer satisfies AsyncDisposable
  // @ts-expect-error patience is the broadcast's
  await connection.send(new Uint8Array(1), { patience: 1 })
  // @ts-expect-error nothing a peer does is an 'error' event
  connection.on('error', () => {})
  // @ts-expect-error there is no 'message' event
  connection.on('message', () => {})
  await connection.close({ code: 1, reason: 'done' })
  connection.destroy()
}

export function failures(error: unknown): WarrenErrorCode | undefined {
  if (!WarrenError.is(error)) return undefined
  same<typeof error.peer, PublicKey | undefined>()
  same<typeof error.tried, readonly Tried[] | undefined>()
  for (const { endpoint, times, error: name } of error.tried ?? []) {
    same<typeof endpoint, Endpoint>()
    same<typeof times, number>()
    same<typeof name, string | undefined>()
  }
  // @ts-expect-error not one of the codes
  if (error.code === 'ERR_WARREN_TYPO') return undefined
  return error.code
}

export function diagnostics(message: Diagnostics['warren:message'], stream: Diagnostics['warren:stream']): void {
  same<typeof message.event.outcome, Outcome>()
  same<typeof message.event.connection, Connection>()
  if (stream.event.type === 'close') same<typeof stream.event.error, Error | undefined>()
  tracingChannel<unknown, DialTrace>('warren:dial').subscribe({
    start: ({ by }) => same<typeof by, 'connect' | 'redial' | 'stay-connected' | 'move' | 'peer-asked'>(),
    end() {},
    asyncStart() {},
    asyncEnd: ({ result }) => same<typeof result, Connection | undefined>(),
    error() {},
  })
}

export function config(text: string): Promise<Device> {
  const { device, peers } = parseConfig(text)
  for (const peer of peers) peer.publicKey satisfies string | Uint8Array
  return Device.open(device)
}

export async function upgrade(device: Device, connection: Connection): Promise<void> {
  device.setProtocols(['ledger/2', 'ledger/1'])
  device.setProtocols({ offer: ['ledger/1'], accept: undefined, prefer: 'ledger/1' })
  // @ts-expect-error a list, or an object of lists
  device.setProtocols('ledger/2')
  device.setFloor('ledger/2', { from: new Date(), grace: undefined })
  const { ok, inTheWay } = device.canClose('ledger/1', { quietFor: 1_000, ignore: device.peers.values() })
  same<typeof ok, boolean>()
  for (const { peer, why } of inTheWay) {
    same<typeof peer, Peer>()
    same<typeof why, 'unknown' | 'offline' | 'needs-it' | 'connected' | 'spoken'>()
  }
  for (const [family, { offered, current, since }] of connection.peer.protocols) {
    same<typeof family, string>()
    same<typeof offered, readonly string[]>()
    same<typeof current, string | undefined>()
    same<typeof since, Date | undefined>()
  }
  connection.peer.on('protocol', ({ previous }) => same<typeof previous, string | undefined>())
  same<typeof connection.replaces, Connection | undefined>()
  const moved = await connection.supersede()
  same<typeof moved, Connection>()
  await device.broadcast(({ protocol }) => new TextEncoder().encode(protocol), { protocol: 'ledger/1' })
  for (const { protocol, bytesDelivered } of device.stats().protocols) {
    same<typeof protocol, string>()
    same<typeof bytesDelivered, number>()
  }
}
