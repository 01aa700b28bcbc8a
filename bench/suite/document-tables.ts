import type { FiguresOf } from './figures-of.js'
import type { PathName, SuiteResult } from './result.js'
import type { Spread } from './spread.js'
import { number } from './table.js'

/** A column of the table of penalties: a figure of each transport, and which of warren's ways it is. */
interface Column {
  readonly head: string
  readonly load: string
  readonly metric: string
  readonly own: string
}

const COLUMNS: readonly Column[] = [
  { head: 'stream, Gbit/s', load: 'stream', metric: 'goodput', own: 'warren' },
  { head: 'CPU, s/GB', load: 'stream', metric: 'cpu', own: 'warren' },
  { head: '64 B and back, p50 ms', load: 'ping', metric: 'p50', own: 'warren, message' },
  { head: 'p99 ms', load: 'ping', metric: 'p99', own: 'warren, message' },
  { head: 'dial to first byte, ms', load: 'dial', metric: 'p50', own: 'warren' },
  { head: 'memory a connection, KiB', load: 'memory', metric: 'resident', own: 'warren' },
]

const KERNEL = 'node:net'
const SUBJECTS: Readonly<Record<PathName, readonly string[]>> = {
  loopback: [
    'warren',
    KERNEL,
    'node:tls, ChaCha20',
    'node:tls, AES-128',
    'js-libp2p, TCP',
    'js-libp2p, QUIC',
    'quic-go',
    'wireguard-go, netstack',
  ],
  veth: [
    'warren',
    KERNEL,
    'node:tls, ChaCha20',
    'js-libp2p, TCP',
    'js-libp2p, QUIC',
    'quic-go',
    'wireguard-go, TUN',
    'boringtun, TUN',
    'wireguard-go, netstack',
  ],
}

/** Figures of all transports over one path, each with its ratio to the kernel's TCP. */
export function penaltyTable(figures: FiguresOf, path: PathName): string {
  const columns = COLUMNS.filter(({ load }) => figures.load(path, load) !== undefined)
  if (columns.length === 0) return NOT_MEASURED
  const rows = SUBJECTS[path].map((subject) => {
    const cells = columns.map(({ load, metric, own }) => {
      const name = subject === 'warren' ? own : subject
      const value = figures.value(path, load, name, metric)
      if (!Number.isFinite(value.median)) return ''
      const ratio = figures.ratio(path, load, name, KERNEL, metric)
      return subject === KERNEL ? number(value.median) : `${number(value.median)} (${times(ratio)})`
    })
    return [subject === 'warren' ? '**warren**' : (NAMES[subject] ?? subject), ...cells]
  })
  return markdown(['', ...columns.map(({ head }) => head)], rows)
}

/** Cores that the usual links take, both ends together. */
export function bandwidthTable(figures: FiguresOf): string {
  const subjects = ['warren', KERNEL, 'node:tls, ChaCha20', 'wireguard-go, TUN', 'boringtun, TUN']
  const share = (mbits: number, subject: string): string => {
    const load = `paced-${mbits}`
    const carried = figures.value('veth', load, subject, 'goodput').median
    const cores = percent(figures.value('veth', load, subject, 'cores'))
    return carried * 1e3 < CARRIED * mbits ? `${cores}, and carries ${number(carried)} Gbit/s` : cores
  }
  return markdown(
    ['share of one core, both ends together', '100 Mbit/s', '1 Gbit/s'],
    subjects.map((subject) => [
      subject === 'warren' ? '**warren**' : (NAMES[subject] ?? subject),
      share(100, subject),
      share(1_000, subject),
    ]),
  )
}

/** For README: a handful of figures, each beside one of the same run. */
export function shortTable(figures: FiguresOf): string {
  return markdown(['', 'warren', 'in the same run'], [...SHORT.map((line) => beside(figures, line))])
}

/** All other loads: warren's figure beside its peer or its limit. */
export function limitsTable(figures: FiguresOf): string {
  return markdown(['on loopback', 'warren', 'in the same run'], [...LIMITS.map((line) => beside(figures, line))])
}

/** The penalty in a few sentences. */
export function answer(figures: FiguresOf): string {
  if (figures.load('veth', 'stream') === undefined) return NOT_MEASURED
  const cpu = (other: string): string => times(figures.ratio('veth', 'stream', 'warren', other, 'cpu'))
  const longer =
    figures.value('veth', 'ping', 'warren, message', 'p50').median - figures.value('veth', 'ping', KERNEL, 'p50').median
  const share = (load: string): string => percent(figures.value('veth', load, 'warren', 'cores'))
  return [
    `* **Work.** Over a link of 1,500 bytes a byte costs both ends ${cpu(KERNEL)} the CPU time of the kernel’s TCP without encryption, ${cpu('node:tls, ChaCha20')} that of TLS over TCP, ${cpu('wireguard-go, TUN')} that of TCP over wireguard-go, and ${cpu('js-libp2p, QUIC')} that of js-libp2p over QUIC.`,
    `* **Throughput.** Two cores that do the work of both ends carry ${number(figures.value('veth', 'stream', 'warren', 'goodput').median)} Gbit/s, ${times(figures.ratio('veth', 'stream', 'warren', 'wireguard-go, TUN', 'goodput'))} wireguard-go’s and ${times(figures.ratio('veth', 'stream', 'warren', 'node:tls, ChaCha20', 'goodput'))} TLS’s.`,
    `* **Latency.** A message of 64 bytes and its answer take ${number(longer)} ms longer than over the kernel’s TCP.`,
    `* **At the rate of a link.** A stream of 100 Mbit/s takes ${share('paced-100')} of one core, both ends together, and one of 1 Gbit/s ${share('paced-1000')}.`,
  ].join('\n')
}

/** The machine, and the command that repeats it. */
export function repeatLine({ machine, versions, rounds, windowMs, began }: SuiteResult): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const warning = machine.others > OTHERS_TOLD ? '**Beside other work, so these figures are preliminary.** ' : ''
  const disturbed = `Other work took ${percentOf(machine.others)} of the processors meanwhile, the host ${percentOf(machine.stolen)}.`
  return `${warning}Measured ${began.slice(0, 10)} on ${machine.processors} × ${machine.model}, ${machine.system}: medians of ${rounds} rounds of ${windowMs / 1e3} s, all transports in turn. ${named.join(', ')}. ${disturbed}`
}

/** A transport that carries less of the rate than this cannot carry it. */
const CARRIED = 0.95
const NOT_MEASURED = 'Not measured.'
/** A machine that did more for others than this was not quiet. */
const OTHERS_TOLD = 0.1

interface Line {
  readonly text: string
  readonly path: PathName
  readonly load: string
  readonly own: string
  readonly metric: string
  readonly unit: string
  readonly others: readonly string[]
}

const line = (
  text: string,
  load: string,
  metric: string,
  unit: string,
  others: readonly string[],
  { own = 'warren', path = 'loopback' as PathName } = {},
): Line => ({ text, path, load, own, metric, unit, others })

const CIPHER = 'ChaCha20-Poly1305 alone'

const SHORT: readonly Line[] = [
  line('one stream, loopback', 'stream', 'goodput', 'Gbit/s', [KERNEL, 'node:tls, ChaCha20', 'js-libp2p, TCP']),
  line('CPU for it, both ends', 'stream', 'cpu', 's/GB', [CIPHER, KERNEL, 'js-libp2p, TCP']),
  line(
    'one stream, packets of 1,500 bytes',
    'stream',
    'goodput',
    'Gbit/s',
    [KERNEL, 'js-libp2p, QUIC', 'wireguard-go, TUN'],
    {
      path: 'veth',
    },
  ),
  line('CPU for it, both ends', 'stream', 'cpu', 's/GB', [KERNEL, 'js-libp2p, QUIC', 'wireguard-go, TUN'], {
    path: 'veth',
  }),
  line('64 bytes there and back as a message, p50', 'ping', 'p50', 'ms', [KERNEL, 'node:dgram'], {
    own: 'warren, message',
  }),
  line('the same as a datagram', 'ping', 'p50', 'ms', ['node:dgram'], { own: 'warren, datagram' }),
  line('dial to the first byte that came back, p50', 'dial', 'p50', 'ms', ['node:tls, ChaCha20', 'js-libp2p, TCP']),
  line('what a stream keeps beside busy processes', 'neighbours', 'kept', 'of quiet', [KERNEL, 'js-libp2p, TCP']),
]

const LIMITS: readonly Line[] = [
  line('ten streams of one connection', 'streams-10', 'goodput', 'Gbit/s', [KERNEL, 'js-libp2p, TCP', 'quic-go']),
  line('a stream to each of eight peers', 'peers-8', 'goodput', 'Gbit/s', [KERNEL, 'js-libp2p, TCP']),
  line('messages of 200 bytes', 'messages-200', 'objects', '1/s', [KERNEL, 'js-libp2p, TCP']),
  line('messages of 1 KiB', 'messages-1024', 'objects', '1/s', [KERNEL, 'js-libp2p, TCP']),
  line('messages of 64 KiB', 'messages-65536', 'objects', '1/s', [KERNEL, 'js-libp2p, TCP']),
  line('messages of 1 MiB', 'messages-1048576', 'objects', '1/s', [KERNEL, 'js-libp2p, TCP']),
  line('200 bytes to each of 50 peers, CPU of the sender for each', 'broadcast-50', 'cpu_near', 'us', [KERNEL]),
  line('datagrams of 1,200 bytes', 'datagrams', 'objects', '1/s', ['node:dgram']),
  line('raw packets of 1,420 bytes', 'packets', 'objects', '1/s', ['node:dgram']),
  line('urgent 1 KiB beside bulk, p99', 'urgent', 'p99', 'ms', []),
  line('the same at the bulk’s own priority', 'urgent', 'shared_p99', 'ms', []),
  line('early dial to the first byte, p50', 'dial', 'p50', 'ms', ['warren', KERNEL, 'quic-go'], {
    own: 'warren, early',
  }),
  line('joins and leaves', 'joins', 'joins', '1/s', ['node:tls, ChaCha20']),
  line('memory of a live connection', 'memory', 'resident', 'KiB', [KERNEL, 'node:tls, ChaCha20', 'js-libp2p, TCP']),
  line('memory of an idle peer', 'idle-peers', 'resident', 'KiB', []),
  line('CPU of a 1 KiB message among 10,000 peers', 'scale', 'cpu_each', 'us', ['warren, 1 peer'], {
    own: 'warren, 10,000 peers',
  }),
]

function beside(figures: FiguresOf, { text, path, load, own, metric, unit, others }: Line): readonly string[] {
  const told = others.flatMap((other) => {
    const value = figures.value(path, load, other, metric)
    if (!Number.isFinite(value.median)) return []
    const ratio = figures.ratio(path, load, own, other, metric)
    return [`${times(ratio)} ${NAMES[other] ?? other} (${number(value.median)})`]
  })
  return [text, `${number(figures.value(path, load, own, metric).median)} ${unit}`, told.join('; ')]
}

/** The other transports as a sentence names them. */
const NAMES: Readonly<Record<string, string>> = {
  [KERNEL]: 'the kernel’s TCP (`node:net`)',
  'node:dgram': 'the kernel’s UDP (`node:dgram`)',
  'node:tls, ChaCha20': '`node:tls`, ChaCha20-Poly1305',
  'node:tls, AES-128': '`node:tls`, AES-128-GCM',
  'js-libp2p, TCP': 'js-libp2p, TCP + noise + yamux',
  'js-libp2p, QUIC': 'js-libp2p, QUIC',
  'quic-go': 'quic-go (Go)',
  'wireguard-go, netstack': 'wireguard-go with netstack (Go)',
  'wireguard-go, TUN': 'TCP over wireguard-go, TUN',
  'boringtun, TUN': 'TCP over boringtun-cli, TUN',
  [CIPHER]: 'the cipher alone, one core',
  warren: 'the plain dial',
  'warren, 1 peer': 'with one peer',
}

function times({ median }: Spread): string {
  if (!Number.isFinite(median)) return ''
  return `${median >= 10 ? Math.round(median) : median.toPrecision(2)} ×`
}

function percent({ median }: Spread): string {
  return Number.isFinite(median) ? percentOf(median) : ''
}

function percentOf(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [row(head), `|${head.map(() => '---|').join('')}`, ...rows.map(row)].join('\n')
}
