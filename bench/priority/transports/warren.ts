import { Device, PrivateKey } from 'warren'
import type { Transport } from './transport.js'

const URGENT_PRIORITY = 200
const BULK_PRIORITY = 0
/** For the object of 64 MiB that is cancelled. */
const MESSAGE_BYTES = 64 * 1024 * 1024

/**
 * A frame of 1,494 bytes: Ethernet 14, IPv4 20, UDP 8, WireGuard 32, and 1,420 inside the tunnel. Of those IPv6 takes 40,
 * UDP 8, QUIC's header 11 (flags, connection id of 8, packet number of 2), its tag 8, a STREAM frame 7 (type, stream of 2,
 * offset of 4).
 */
const PAYLOAD_SHARE = (1_420 - 40 - 8 - 11 - 8 - 7) / 1_494

export const warren: Transport = {
  name: 'warren-quic',
  payloadShare: PAYLOAD_SHARE,

  async open(host, accept, { uplink }) {
    const device = await Device.open({
      privateKey: PrivateKey.generate(),
      listen: { host },
      protocols: ['bench/1'],
      authorize: () => true,
      uplink,
      limits: { messageBytes: MESSAGE_BYTES, receiveBytesPerConnection: MESSAGE_BYTES },
    })
    device.on('connection', async (connection) => {
      const receiver = accept()
      for await (const { bytes, priority } of connection.messages()) {
        if (priority === URGENT_PRIORITY) receiver.urgent(bytes)
        else receiver.bulk(bytes.length)
      }
    })
    return {
      address: { publicKey: device.publicKey, endpoint: `${device.address.host}:${device.address.port}` },
      async dial(address: { publicKey: string; endpoint: string }) {
        const peer = device.peers.get(address.publicKey) ?? device.addPeer(address)
        const connection = await peer.connect()
        return {
          sendUrgent(bytes) {
            connection.send(bytes, { priority: URGENT_PRIORITY }).catch(() => undefined)
          },
          async sendBulk(bytes, signal) {
            await connection.send(bytes, { priority: BULK_PRIORITY, signal })
          },
        }
      },
      close: () => device.close({ timeout: 0 }),
    }
  },
}
