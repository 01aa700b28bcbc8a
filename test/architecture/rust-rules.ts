import type { SourceFile } from './files'
import { ROOMS } from './rooms'

interface Rule {
  readonly pattern: RegExp
  readonly why: string
  readonly allowed: (path: string) => boolean
}

/**
 * What a Rust source says that its room forbids. Tests under `tests/` may use clocks and files, but no foreign engine;
 * tests at the end of a source are left out.
 */
export function rustViolations({ path, text }: SourceFile): string[] {
  const [code = ''] = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .split(/^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*mod \w+ \{/m)
  return RULES.filter(({ pattern, allowed }) => !allowed(path) && pattern.test(code)).map(
    ({ pattern, why }) => `${path} has ${pattern.exec(code)?.[0].trim()}: ${why}`,
  )
}

const inRoom = (room: string) => (path: string) => path.startsWith(`native/${room}/`)
const isTest = (path: string) =>
  /^native\/[^/]+\/((tests|benches|examples|fuzz_targets)\/|src\/(.+\/)?tests(\.rs$|\/))/.test(path)
const mayDoIo = (path: string) => isTest(path) || !ROOMS[path.split('/')[1] ?? '']?.sansIo

const RULES: readonly Rule[] = [
  {
    pattern: /\bboringtun\b/,
    why: 'boringtun is named in native/wireguard/src/tunnel.rs alone, where its calling rules are kept',
    // The benchmark puts a device beside the bare engine; the memory test knows a tunnel's allocation by its size; a
    // responder that sends before its session is confirmed is no device of ours.
    allowed: (path) =>
      /^native\/wireguard\/(src\/tunnel(\.rs|\/)|benches\/|tests\/(memory|device\/batches)\.rs$)/.test(path),
  },
  {
    pattern: /\bmock_instant\b/,
    why: "boringtun's clock is set in native/wireguard/src/tunnel.rs alone",
    allowed: (path) => path === 'native/wireguard/src/tunnel.rs' || path.startsWith('native/wireguard/src/tunnel/'),
  },
  {
    pattern: /\bquinn_proto\b/,
    why: 'a foreign engine has one doorkeeper: native/quic',
    allowed: inRoom('quic'),
  },
  {
    pattern: /\bdcsctp\b/,
    why: 'a foreign engine has one doorkeeper: native/sctp',
    allowed: inRoom('sctp'),
  },
  {
    pattern: /\bwarren_quic\b/,
    why: 'the engine knows a transport by its own trait: native/engine/src/quic.rs alone names a crate that is one',
    allowed: (path) =>
      path === 'native/engine/src/quic.rs' || inRoom('quic')(path) || inRoom('fuzz')(path) || isTest(path),
  },
  {
    pattern: /\bnapi(_derive)?::|#\[napi\b/,
    why: 'Node-API is known to native/binding alone',
    allowed: inRoom('binding'),
  },
  {
    pattern: /\b(libc|socket2|polling|quinn_udp)::/,
    why: 'every system call is in native/io',
    allowed: inRoom('io'),
  },
  {
    pattern: /\bstd::(net::(UdpSocket|Tcp\w+)|fs\b|process\b|env::(var|args)|io::(stdin|stdout|stderr))/,
    why: 'this room does no input or output: what it needs comes in as an argument',
    allowed: mayDoIo,
  },
  {
    pattern: /\b(Instant|SystemTime)::now\b/,
    why: 'this room reads no clock: `now` is an argument',
    // boringtun stamps its initiations with the system's wall clock: there we have to know what it read.
    allowed: (path) => mayDoIo(path) || path === 'native/wireguard/src/tunnel/clock.rs',
  },
  {
    pattern: /\bstd::thread\b|\bstd::sync::(Mutex|RwLock|mpsc|Condvar)\b|\bthread_local!/,
    why: 'this room has one owner and no threads',
    allowed: mayDoIo,
  },
  {
    pattern: /\b(OsRng|thread_rng|rand::rng\(|rand::random\b|getrandom::)/,
    why: 'randomness comes in as a seed: the same seed gives the same run',
    allowed: mayDoIo,
  },
  {
    pattern: /#!?\[allow\((?![^\]]*reason\s*=)/,
    why: 'an exception to a lint says why: #[expect(lint, reason = "…")]',
    allowed: () => false,
  },
  {
    pattern: /\b(todo|unimplemented|dbg)!/,
    why: 'unfinished code is not committed',
    allowed: () => false,
  },
]
