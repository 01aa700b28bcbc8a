import { libp2pQuic, libp2pTcp } from './libp2p.js'
import { nodeNet, nodeNetTwo } from './node-net.js'
import type { Transport } from './transport.js'
import { warren } from './warren.js'

export const transports = {
  'warren-quic': warren,
  'node-net': nodeNet,
  'node-net-2': nodeNetTwo,
  'libp2p-tcp': libp2pTcp,
  'libp2p-quic': libp2pQuic,
} as const satisfies Readonly<Record<string, Transport>>

export type TransportName = keyof typeof transports

export const transportNames = Object.keys(transports) as readonly TransportName[]
