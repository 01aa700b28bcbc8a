import { type Connection, Device, type IncomingStream, type Peer, PrivateKey } from 'warren'
import { roomOf } from './room.js'
import type { Channel, End, Kind, Stack, StackOptions } from './stack.js'

/** What a device tells of itself. */
interface Address {
  readonly publicKey: string
  readonly endpoint: string
}

export const warren: Stack = {
  kinds: ['stream', 'message', 'datagram', 'packet'],

  async open(host, kind, accept, options) {
    const device = await open(host, options)
    device.on('connection', (connection) => {
      if (connection.initiator === 'local') return
      receive(connection, kind, accept, device)
      if (options.forgets) void connection.closed.then(() => connection.peer.remove())
    })
    return end(device, host, kind, options)
  },
}

function open(host: string, { uplink }: StackOptions): Promise<Device> {
  return Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host },
    protocols: ['bench/1'],
    authorize: () => true,
    uplink,
    limits: { handshakesPerSecond: 100_000, pendingConnections: 1_000 },
  })
}

function end(device: Device, host: string, kind: Kind, options: StackOptions): End {
  return {
    address: { publicKey: device.publicKey, endpoint: `${device.address.host}:${device.address.port}` } as Address,
    async dial(address: Address) {
      const peer = device.peers.get(address.publicKey) ?? device.addPeer(address)
      const connection = await peer.connect({ early: options.early })
      return {
        open: async () => channel(connection, kind, device),
        close: () => (options.forgets ? peer.remove() : connection.close()),
      }
    },
    async another() {
      return end(await open(host, options), host, kind, options)
    },
    addIdlePeers(count) {
      const keys = Array.from({ length: count }, () => PrivateKey.generate().publicKey)
      const began = performance.now()
      for (const publicKey of keys) device.addPeer({ publicKey })
      return performance.now() - began
    },
    broadcast: (bytes) => device.broadcast(bytes),
    close: () => device.close({ timeout: 0 }),
  }
}

function receive(connection: Connection, kind: Kind, accept: (channel: Channel) => void, device: Device): void {
  if (kind === 'stream') connection.on('stream', (stream) => accept(overStream(stream)))
  else accept(channel(connection, kind, device))
}

function channel(connection: Connection, kind: Kind, device: Device): Channel {
  if (kind === 'stream') return overStream(connection.openStream())
  if (kind === 'message') return messages(connection)
  return kind === 'datagram' ? datagrams(connection) : packets(connection.peer, device)
}

function overStream(stream: IncomingStream | ReturnType<Connection['openStream']>): Channel {
  stream.on('error', () => undefined)
  return {
    write(bytes) {
      return !('write' in stream) || stream.write(bytes) ? undefined : roomOf(stream)
    },
    read: (take) => void stream.on('data', take),
  }
}

function messages(connection: Connection): Channel {
  return {
    write: (bytes) => connection.send(bytes),
    async read(take) {
      for await (const { bytes } of connection.messages()) take(bytes)
    },
  }
}

function datagrams(connection: Connection): Channel {
  return {
    write: (bytes) => void connection.sendDatagram(bytes),
    read: (take) => void connection.on('datagram', take),
  }
}

/** Each is an IPv6 packet of that many bytes, without a next header. */
function packets(peer: Peer, device: Device): Channel {
  return {
    write(bytes) {
      if (bytes[0] !== IPV6) address(bytes, device.addresses[0] as string, peer.address)
      peer.sendPacket(bytes)
      return undefined
    },
    read: (take) => void peer.on('packet', take),
  }
}

/** Writes the header of such a packet over its first 40 bytes. */
function address(packet: Uint8Array, from: string, to: string): void {
  const header = Buffer.from(packet.buffer, packet.byteOffset, 40)
  header.fill(0)
  header.writeUInt8(IPV6, 0)
  header.writeUInt16BE(packet.length - 40, 4)
  header.writeUInt8(NO_NEXT_HEADER, 6)
  header.writeUInt8(64, 7)
  header.set(parsed(from), 8)
  header.set(parsed(to), 24)
}

function parsed(address: string): Buffer {
  const [before = '', after] = address.split('::')
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : [])
  const zeros = Array.from({ length: 8 - groups(before).length - groups(after).length }, () => '0')
  return Buffer.from(
    [...groups(before), ...(after === undefined ? [] : zeros), ...groups(after)]
      .map((group) => group.padStart(4, '0'))
      .join(''),
    'hex',
  )
}

/** The first byte of an IPv6 packet without a traffic class. */
const IPV6 = 0x60
/** RFC 8200, section 4.7. */
const NO_NEXT_HEADER = 59
