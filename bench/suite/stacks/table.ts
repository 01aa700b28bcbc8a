import { nodeDgram } from './dgram.js'
import { libp2pQuic, libp2pTcp } from './libp2p.js'
import { nodeNet, nodeTlsAes, nodeTlsChaCha } from './sockets.js'
import type { Stack } from './stack.js'
import { warren } from './warren.js'

export const stacks = {
  warren,
  'node-net': nodeNet,
  'node-tls-chacha': nodeTlsChaCha,
  'node-tls-aes': nodeTlsAes,
  'node-dgram': nodeDgram,
  'libp2p-tcp': libp2pTcp,
  'libp2p-quic': libp2pQuic,
} as const satisfies Readonly<Record<string, Stack>>

export type StackName = keyof typeof stacks
