import type { Spread } from './spread.js'
import { number } from './table.js'

/** Rows of marks on one logarithmic axis. */
export interface Panel {
  readonly title: string
  readonly rows: readonly PanelRow[]
}

export interface PanelRow {
  readonly label: string
  /** Stands out. */
  readonly isOwn: boolean
  /** The first is a full mark, the second a hollow one. */
  readonly marks: readonly Spread[]
}

/** Panels two by two, as a drawing that reads on a light page and on a dark one. */
export function dots(title: string, subtitle: string, panels: readonly Panel[]): string {
  const width = COLUMNS * (LABELS + PLOT) + MARGIN
  const tops = [HEAD]
  for (let first = 0; first < panels.length; first += COLUMNS) {
    const rows = Math.max(...panels.slice(first, first + COLUMNS).map((panel) => panel.rows.length))
    tops.push((tops.at(-1) ?? 0) + TOP + rows * ROW + BOTTOM)
  }
  const height = tops.at(-1) ?? HEAD
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    `<text class="title" x="${MARGIN}" y="28">${escaped(title)}</text>`,
    `<text class="small" x="${MARGIN}" y="47">${escaped(subtitle)}</text>`,
    ...panels.flatMap((panel, index) =>
      drawn(panel, (index % COLUMNS) * (LABELS + PLOT), (tops[Math.floor(index / COLUMNS)] ?? 0) + TOP),
    ),
    '</svg>\n',
  ].join('\n')
}

function drawn({ title, rows }: Panel, left: number, top: number): readonly string[] {
  const scale = logScale(rows.flatMap(({ marks }) => marks.flatMap(({ low, high }) => [low, high])))
  const x = (value: number): number => Math.round((left + LABELS + scale.at(value) * (PLOT - 2 * MARGIN)) * 10) / 10
  const bottom = top + rows.length * ROW
  return [
    `<text x="${left + LABELS}" y="${top - 12}">${escaped(title)}</text>`,
    ...scale.ticks.flatMap((tick) => [
      `<path class="grid" d="M${x(tick)} ${top}V${bottom}"/>`,
      `<text class="small" text-anchor="middle" x="${x(tick)}" y="${bottom + 16}">${tick}</text>`,
    ]),
    ...rows.flatMap(({ label, isOwn, marks }, index) => {
      const y = top + index * ROW + ROW / 2
      const name = isOwn ? 'own' : 'other'
      return [
        `<text class="${name}" text-anchor="end" x="${left + LABELS - 10}" y="${y + 4}">${escaped(label)}</text>`,
        ...marks.flatMap(({ median, low, high }, mark) => {
          if (!Number.isFinite(median)) return []
          const told = `${label}: ${number(median)} (${number(low)}–${number(high)})`
          const shape = `<path d="M${x(low)} ${y}H${x(high)}"/><circle cx="${x(median)}" cy="${y}" r="5"/>`
          return `<g class="${name}${mark === 0 ? '' : ' hollow'}"><title>${escaped(told)}</title>${shape}</g>`
        }),
      ]
    }),
  ]
}

/** From a tick below the least to a tick above the most; places are shares of the axis. */
function logScale(values: readonly number[]): { readonly ticks: readonly number[]; at(value: number): number } {
  const known = values.filter((value) => value > 0)
  const least = Math.min(...known)
  const most = Math.max(...known)
  const first = Math.max(
    0,
    TICKS.findLastIndex((tick) => tick <= least),
  )
  const last = TICKS.findIndex((tick) => tick >= most)
  const ticks = TICKS.slice(first, last < 0 ? undefined : last + 1)
  const [from, to] = [Math.log(ticks[0] ?? 1), Math.log(ticks.at(-1) ?? 10)]
  return {
    ticks: ticks.length > 8 ? ticks.filter(isRound) : ticks,
    at: (value) => (Math.log(value) - from) / (to - from),
  }
}

function isRound(tick: number): boolean {
  return /^[0.]*1[0.]*$/.test(String(tick))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

const TICKS = [-3, -2, -1, 0, 1, 2, 3, 4].flatMap((power) =>
  [1, 2, 5].map((digit) => Number((digit * 10 ** power).toPrecision(1))),
)
const LABELS = 190
const PLOT = 260
const MARGIN = 20
const HEAD = 56
const TOP = 34
const COLUMNS = 2
const ROW = 24
const BOTTOM = 34

/** Own background and colours for both, so that it reads on a page of either. */
const STYLE = [
  '<style>text{font:13px system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif}.title{font-size:16px;font-weight:600}.small{font-size:12px}',
  'text.own{font-weight:600}g path{stroke-width:3;stroke-opacity:.45}g circle{stroke-width:2}',
  ...[
    ['#ffffff', '#1f2328', '#59636e', '#d1d9e0', '#0969da', '#bc4c00'],
    ['#0d1117', '#f0f6fc', '#9198a1', '#3d444d', '#58a6ff', '#f0883e'],
  ].map(([paper, ink, faint, grid, own, other], index) => {
    const rules = [
      `.paper{fill:${paper}}text{fill:${ink}}.small{fill:${faint}}.grid{stroke:${grid}}`,
      `g.own{stroke:${own};fill:${own}}g.other{stroke:${other};fill:${other}}g.hollow circle{fill:${paper}}`,
    ].join('')
    return index === 0 ? rules : `@media (prefers-color-scheme:dark){${rules}}`
  }),
  '</style>',
].join('')
