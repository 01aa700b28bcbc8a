import { dials, joins, ping } from './loads/echoes.js'
import { CORES, CPU_PER_GIGABYTE, CPU_PER_OBJECT, flow, GOODPUT, OBJECTS, SENDER_CPU_PER_OBJECT } from './loads/flow.js'
import type { Load } from './loads/load.js'
import { connectionMemory, idlePeerMemory } from './loads/memory.js'
import { neighbours } from './loads/neighbours.js'
import { urgentBesideBulk } from './loads/programs.js'
import type { Subject } from './pair.js'
import type { PathName } from './result.js'
import * as of from './subjects.js'

/** A load over one path, and who does it. */
export interface Planned {
  readonly path: PathName
  readonly load: Load
  readonly subjects: readonly Subject[]
}

const KIB = 1_024
const CHUNK = 256 * KIB
/** In bits per second. */
const MBIT = 1e6

const stream = [GOODPUT, CPU_PER_GIGABYTE]
const objects = [OBJECTS, CPU_PER_OBJECT, GOODPUT]

const oneStream = flow({ name: 'stream', title: 'one stream', metrics: stream, bytes: CHUNK })
const pingLoad = ping('ping', '64 bytes there and back', 64)
const dialLoad = dials('dial', 'dial to the first byte that came back')
const pacedAt = (mbits: number): Load =>
  flow({
    name: `paced-${mbits}`,
    title: `a stream that sends ${mbits.toLocaleString('en')} Mbit/s`,
    metrics: [CPU_PER_GIGABYTE, CORES, GOODPUT],
    bytes: mbits >= 1_000 ? 64 * KIB : 16 * KIB,
    rate: mbits * MBIT,
  })

/** Everything, in the order in which it is measured. */
export function plan(): readonly Planned[] {
  return [...loopback(), ...veth()]
}

function loopback(): readonly Planned[] {
  const on = (load: Load, ...subjects: readonly Subject[]): Planned => ({ path: 'loopback', load, subjects })
  const peers = (kind: 'stream' | 'message') => [of.warren(kind), of.nodeNet(kind), of.chacha(kind), of.libp2pTcp(kind)]
  return [
    on(
      oneStream,
      of.warren('stream'),
      of.CIPHER,
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.aes('stream'),
      of.libp2pTcp('stream'),
      of.libp2pQuic('stream'),
      of.netstack,
      of.quicGo,
    ),
    on(
      flow({ name: 'streams-10', title: 'ten streams of one connection', metrics: stream, bytes: CHUNK, channels: 10 }),
      ...peers('stream'),
      of.libp2pQuic('stream'),
      of.quicGo,
    ),
    on(
      flow({ name: 'peers-8', title: 'a stream to each of eight peers', metrics: stream, bytes: CHUNK, peers: 8 }),
      ...peers('stream'),
    ),
    ...[
      [200, '200 bytes'],
      [KIB, '1 KiB'],
      [64 * KIB, '64 KiB'],
      [KIB * KIB, '1 MiB'],
    ].map(([bytes, size]) =>
      on(
        flow({ name: `messages-${bytes}`, title: `messages of ${size}`, metrics: objects, bytes: Number(bytes) }),
        of.warren('message'),
        of.nodeNet('message'),
        of.libp2pTcp('message'),
      ),
    ),
    on(
      flow({
        name: 'broadcast-50',
        title: '200 bytes to each of 50 peers, messages that arrive',
        metrics: [SENDER_CPU_PER_OBJECT, OBJECTS],
        bytes: 200,
        peers: 50,
        isBroadcast: true,
      }),
      of.warren('message'),
      of.nodeNet('message'),
    ),
    on(
      flow({ name: 'datagrams', title: 'datagrams of 1,200 bytes', metrics: objects, bytes: 1_200 }),
      of.warren('datagram'),
      of.dgram('datagram'),
    ),
    on(
      flow({ name: 'packets', title: 'raw packets of 1,420 bytes', metrics: objects, bytes: 1_420 }),
      of.warren('packet'),
      of.dgram('packet'),
    ),
    on(
      pingLoad,
      of.warren('message', 'warren, message'),
      of.warren('stream', 'warren, stream'),
      of.warren('datagram', 'warren, datagram'),
      of.dgram('datagram'),
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.libp2pTcp('stream'),
      of.netstack,
      of.quicGo,
    ),
    on(urgentBesideBulk('urgent', 'an urgent 1 KiB beside saturating 1 MiB messages'), of.warren('message')),
    on(
      dialLoad,
      of.warren('stream'),
      of.early,
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.libp2pTcp('stream'),
      of.libp2pQuic('stream'),
      of.quicGo,
    ),
    on(joins('joins', 'joins and leaves, eight at a time'), of.visitor, of.chacha('stream')),
    on(
      connectionMemory('memory', 'memory of a live connection, at the end that was dialled', (stack) =>
        stack.startsWith('libp2p') ? 50 : stack === 'node-net' ? 500 : 200,
      ),
      of.warren('stream'),
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.libp2pTcp('stream'),
    ),
    on(idlePeerMemory('idle-peers', 'memory of a peer that never came', 5_000), of.warren('stream')),
    on(
      flow({ name: 'scale', title: 'messages of 1 KiB to one of so many peers', metrics: objects, bytes: KIB }),
      ...[1, 1_000, 10_000].map(of.among),
    ),
    on(
      neighbours('neighbours', 'one stream beside one busy process a processor', CHUNK),
      of.warren('stream'),
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.libp2pTcp('stream'),
    ),
    ...[100, 1_000].map((rate) => on(pacedAt(rate), ...peers('stream'))),
  ]
}

function veth(): readonly Planned[] {
  const on = (load: Load, ...subjects: readonly Subject[]): Planned => ({ path: 'veth', load, subjects })
  return [
    on(
      oneStream,
      of.warren('stream'),
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.libp2pTcp('stream'),
      of.libp2pQuic('stream'),
      of.tunGo,
      of.tunBoringtun,
      of.netstack,
      of.quicGo,
    ),
    on(
      pingLoad,
      of.warren('message', 'warren, message'),
      of.warren('datagram', 'warren, datagram'),
      of.dgram('datagram'),
      of.nodeNet('stream'),
      of.chacha('stream'),
      of.tunGo,
      of.tunBoringtun,
    ),
    on(dialLoad, of.warren('stream'), of.early, of.nodeNet('stream'), of.chacha('stream')),
    ...[100, 1_000].map((rate) =>
      on(pacedAt(rate), of.warren('stream'), of.nodeNet('stream'), of.chacha('stream'), of.tunGo, of.tunBoringtun),
    ),
  ]
}
