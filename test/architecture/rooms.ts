/** The room table: what each crate may depend on, and why the rest stays out. */

export interface Room {
  /** Sibling crates it may name, and the foreign engines that it alone keeps. */
  readonly mayUse: readonly string[]
  /** Whether it computes only: no sockets, threads, clocks, files. */
  readonly sansIo: boolean
  /** The extra a test may use. */
  readonly tests: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  wireguard: { mayUse: ['boringtun', 'mock_instant'], sansIo: true, tests: ['warren-testing'] },
  protocols: { mayUse: [], sansIo: true, tests: [] },
  quic: { mayUse: ['warren-protocols', 'quinn-proto'], sansIo: true, tests: ['warren-testing'] },
  sctp: { mayUse: ['warren-protocols', 'dcsctp'], sansIo: true, tests: ['warren-testing'] },
  netstack: { mayUse: ['smoltcp'], sansIo: true, tests: ['warren-testing'] },
  engine: {
    mayUse: ['warren-wireguard', 'warren-quic', 'warren-sctp', 'warren-netstack', 'warren-protocols'],
    sansIo: true,
    tests: ['warren-testing'],
  },
  io: {
    mayUse: ['warren-engine', 'libc', 'polling', 'rustix', 'socket2', 'quinn-udp', 'windows-sys'],
    sansIo: false,
    tests: ['warren-testing', 'warren-wireguard'],
  },
  binding: {
    mayUse: ['warren-engine', 'warren-io', 'napi', 'napi-derive', 'napi-build', 'getrandom'],
    sansIo: false,
    tests: [],
  },
  testing: {
    mayUse: ['warren-engine', 'warren-wireguard', 'warren-quic', 'warren-sctp', 'warren-netstack'],
    sansIo: false,
    tests: [],
  },
  fuzz: {
    mayUse: ['warren-engine', 'warren-wireguard', 'warren-quic', 'warren-sctp', 'warren-netstack', 'libfuzzer-sys'],
    sansIo: false,
    tests: [],
  },
}

/** Crates that compute and nothing else: any room may use them. */
export const PURE_CRATES: ReadonlySet<string> = new Set([
  'base64',
  'blake2',
  'bytes',
  'chacha20poly1305',
  'curve25519-dalek',
  'hmac',
  'proptest',
  'rand',
  'rand_pcg',
  'rustc-hash',
  'siphasher',
  'thiserror',
  'tracing',
  'twox-hash',
  'x25519-dalek',
  'zeroize',
])

/** Why a crate outside its room is refused. */
export function whyNot(crate: string): string {
  const doorkeeper = Object.entries(ROOMS).find(([, room]) => room.mayUse.includes(crate))?.[0]
  if (crate === 'warren-testing') return 'the virtual network is for tests and is never shipped'
  if (crate.startsWith('warren-')) return 'sibling rooms do not know each other: only native/engine joins them'
  if (crate === 'tokio') return 'its runtime outlives the Node environment'
  if (doorkeeper !== undefined) return `a foreign engine has one doorkeeper: only native/${doorkeeper} may name it`
  return 'it is in neither the room table nor the list of pure crates: add it to test/architecture/rooms.ts, with care'
}
