import { nodeNet, nodeNetTwo } from './node-net.js'
import type { Transport } from './transport.js'
import { warren } from './warren.js'

export const transports = {
  'warren-quic': warren,
  'node-net': nodeNet,
  'node-net-2': nodeNetTwo,
} as const satisfies Readonly<Record<string, Transport>>

export type TransportName = keyof typeof transports

export const transportNames = Object.keys(transports) as readonly TransportName[]
