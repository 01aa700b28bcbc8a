import { GO_ENDS } from './foreign.js'
import type { Subject } from './pair.js'
import type { Kind } from './stacks/stack.js'

/** The transports of a run. Names are for tables; `warren, …` are this package's ways. */
export const warren = (kind: Kind, name = 'warren'): Subject => ({ name, stack: 'warren', kind })
export const early: Subject = { ...warren('stream', 'warren, early'), options: { early: true } }
/** Comes and goes for good. */
export const visitor: Subject = { ...warren('stream'), options: { forgets: true } }

/** One peer that is there, and others that never come. */
export const among = (peers: number): Subject => ({
  ...warren('message', `warren, ${peers.toLocaleString('en')} ${peers === 1 ? 'peer' : 'peers'}`),
  idlePeers: peers - 1,
})

export const nodeNet = (kind: Kind): Subject => ({ name: 'node:net', stack: 'node-net', kind })
export const chacha = (kind: Kind): Subject => ({ name: 'node:tls, ChaCha20', stack: 'node-tls-chacha', kind })
export const aes = (kind: Kind): Subject => ({ name: 'node:tls, AES-128', stack: 'node-tls-aes', kind })
export const dgram = (kind: Kind): Subject => ({ name: 'node:dgram', stack: 'node-dgram', kind })
export const libp2pTcp = (kind: Kind): Subject => ({ name: 'js-libp2p, TCP', stack: 'libp2p-tcp', kind })
export const libp2pQuic = (kind: Kind): Subject => ({ name: 'js-libp2p, QUIC', stack: 'libp2p-quic', kind })
export const quicGo: Subject = { name: 'quic-go', stack: 'quic-go', kind: 'stream', program: GO_ENDS }
export const netstack: Subject = { name: 'wireguard-go, netstack', stack: 'netstack', kind: 'stream', program: GO_ENDS }
/** Plain TCP of Node through a tunnel between two TUN devices. */
export const tunGo: Subject = { ...nodeNet('stream'), name: 'wireguard-go, TUN', tunnel: 'wireguard-go' }
export const tunBoringtun: Subject = { ...nodeNet('stream'), name: 'boringtun, TUN', tunnel: 'boringtun' }

/** The limit: sealing and opening alone. */
export const CIPHER: Subject = { name: 'ChaCha20-Poly1305 alone', stack: 'cipher', kind: 'stream' }
