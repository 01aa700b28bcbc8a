import type { Result } from './result.js'
import type { TransportName } from './transports/table.js'

/** One mark of the plot. */
interface Mark {
  readonly transport: TransportName
  readonly link: string
  /**
   * What bulk costs an urgent object, in milliseconds: p99 under it less the idle median. Not less the idle p99, which on
   * a machine with other work is large by chance, and would flatter.
   */
  readonly wait: number
  /** Of the link's payload capacity. */
  readonly share: number
}

const WIDTH = 790
const HEIGHT = 470
const LEFT = 66
const RIGHT = 566
const TOP = 64
const BOTTOM = 400

const COLOURS: Readonly<Record<TransportName, readonly [light: string, dark: string]>> = {
  'warren-quic': ['#0969da', '#58a6ff'],
  'node-net': ['#bc4c00', '#f0883e'],
  'node-net-2': ['#bf3989', '#f778ba'],
  'libp2p-tcp': ['#8250df', '#bc8cff'],
  'libp2p-quic': ['#1a7f37', '#3fb950'],
}

const NAMES: Readonly<Record<TransportName, string>> = {
  'warren-quic': 'warren',
  'node-net': 'node:net, one socket',
  'node-net-2': 'node:net, two sockets',
  'libp2p-tcp': 'js-libp2p, TCP',
  'libp2p-quic': 'js-libp2p, QUIC',
}

/** Of the marks, one a link. */
const SHAPES: readonly ((x: number, y: number) => string)[] = [
  (x, y) => `<circle cx="${x}" cy="${y}" r="6"/>`,
  (x, y) => `<rect x="${x - 5.5}" y="${y - 5.5}" width="11" height="11"/>`,
  (x, y) => `<path d="M${x} ${y - 7}l7 12h-14z"/>`,
]

/** Goodput against what urgent objects wait, over the links between two nodes; undefined when nothing of that was measured. */
export function plot(results: readonly Result[], subtitle: string): string | undefined {
  const marks = results.flatMap(markOf)
  if (marks.length === 0) return undefined
  const links = [...new Set(marks.map(({ link }) => link))]
  const transports = [...new Set(marks.map(({ transport }) => transport))]
  const x = logScale(marks)
  const y = linearScale(marks)
  const shapeOf = (link: string): (typeof SHAPES)[number] =>
    SHAPES[links.indexOf(link) % SHAPES.length] ?? (SHAPES[0] as (typeof SHAPES)[number])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    '<title>Bulk goodput against the p99 wait of urgent objects</title>',
    style(),
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text class="title" x="${LEFT}" y="28">Urgent 1 KiB beside bulk that fills the link</text>`,
    `<text class="small" x="${LEFT}" y="47">${escaped(subtitle)}</text>`,
    ...x.ticks.flatMap((tick) => [
      `<path class="grid" d="M${x.at(tick)} ${TOP}V${BOTTOM}"/>`,
      `<text class="small" text-anchor="middle" x="${x.at(tick)}" y="${BOTTOM + 18}">${tick}</text>`,
    ]),
    ...y.ticks.flatMap((tick) => [
      `<path class="grid" d="M${LEFT} ${y.at(tick)}H${RIGHT}"/>`,
      `<text class="small" text-anchor="end" x="${LEFT - 8}" y="${y.at(tick) + 4}">${tick} %</text>`,
    ]),
    `<text x="${(LEFT + RIGHT) / 2}" y="${BOTTOM + 42}" text-anchor="middle">urgent p99 under bulk, above the idle median (ms, logarithmic): left is better</text>`,
    `<text transform="translate(18 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">bulk, of the link’s payload capacity</text>`,
    ...marks.map(
      (mark) =>
        `<g class="${mark.transport}"><title>${NAMES[mark.transport]}, ${mark.link}: ${mark.wait.toFixed(1)} ms, ${(mark.share * 100).toFixed(1)} %</title>${shapeOf(mark.link)(x.at(mark.wait), y.at(mark.share * 100))}</g>`,
    ),
    ...transports.map((name, row) => legend(row, name, SHAPES[0], NAMES[name])),
    ...links.map((link, row) => legend(transports.length + 1 + row, 'any', shapeOf(link), LINK_NAMES[link] ?? link)),
    '</svg>\n',
  ].join('\n')
}

const LINK_NAMES: Readonly<Record<string, string>> = {
  '100mbit': '100 Mbit/s',
  '20mbit': '20 Mbit/s',
  '50mbit-1000p': '50 Mbit/s, 1,000 packets',
}

function markOf({ scenario, transport, medians }: Result): readonly Mark[] {
  if (medians?.linkCapacity === undefined || scenario.name !== scenario.link.name) return []
  return [
    {
      transport,
      link: scenario.link.name,
      wait: Math.max(SHORTEST_MS, medians.urgentLoadedP99 - medians.urgentIdleP50),
      share: medians.bulkGoodput / medians.linkCapacity,
    },
  ]
}

/** What is less stands here: a logarithmic axis has no zero. */
const SHORTEST_MS = 0.5

interface Scale {
  readonly ticks: readonly number[]
  at(value: number): number
}

function logScale(marks: readonly Mark[]): Scale {
  const longest = Math.max(100, ...marks.map(({ wait }) => wait))
  const least = Math.log10(SHORTEST_MS)
  const most = Math.log10(longest * 1.3)
  return {
    ticks: [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000].filter((tick) => tick <= longest * 1.3),
    at: (value) => rounded(LEFT + 12 + ((Math.log10(value) - least) / (most - least)) * (RIGHT - LEFT - 12)),
  }
}

function linearScale(marks: readonly Mark[]): Scale {
  const least = Math.min(80, ...marks.map(({ share }) => Math.floor(share * 10) * 10))
  const step = least >= 70 ? 5 : 10
  return {
    ticks: Array.from({ length: (100 - least) / step + 1 }, (_, index) => least + index * step),
    // Half a per cent of measuring error may put a mark past the whole.
    at: (value) => rounded(BOTTOM - ((value - least) / (102 - least)) * (BOTTOM - TOP)),
  }
}

function legend(row: number, name: string, shape: (typeof SHAPES)[number] | undefined, text: string): string {
  const y = TOP + 12 + row * 23
  return `<g class="${name}">${shape?.(RIGHT + 26, y) ?? ''}</g><text class="small" x="${RIGHT + 40}" y="${y + 4}">${text}</text>`
}

/** Own background and colours for both, so that it reads on a page of either. */
function style(): string {
  const marks = (theme: 0 | 1): string =>
    Object.entries(COLOURS)
      .map(([name, colours]) => `.${name}{fill:${colours[theme]}}`)
      .join('')
  const theme = (paper: string, ink: string, faint: string, grid: string, index: 0 | 1): string =>
    `.paper{fill:${paper}}text,.any{fill:${ink}}.small{fill:${faint}}.grid{stroke:${grid}}${marks(index)}`
  return [
    '<style>text{font:13px system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif}.title{font-size:16px;font-weight:600}.small{font-size:12px}',
    'g{stroke:none;fill-opacity:.9}',
    theme('#ffffff', '#1f2328', '#59636e', '#d1d9e0', 0),
    `@media (prefers-color-scheme:dark){${theme('#0d1117', '#f0f6fc', '#9198a1', '#3d444d', 1)}}`,
    '</style>',
  ].join('')
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
