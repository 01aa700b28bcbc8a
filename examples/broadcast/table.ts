import { styleText } from 'node:util'
import type { Member } from './network.js'

const columns = [
  'node',
  'state',
  'peers',
  'handshake',
  'in',
  'out',
  'urgent p50',
  'urgent p99',
  'bulk p50',
  'queue',
] as const
const units = ['', '', '', 'ms', 'Mbit/s', 'Mbit/s', 'ms', 'ms', 'ms', 'objects'] as const
const WIDTH = 11

const REDRAW_MS = 250

/** From here on an urgent object is late: some ten times what it takes with nothing in its way. */
const SLOW_MS = 100

/** Columns of a table, and what they say of a member. */
export interface View {
  readonly columns: readonly string[]
  /** Units, in a line of their own. */
  readonly units: readonly string[]
  cells(member: Member): readonly string[]
}

/** The live view: a table that is drawn over itself in a terminal, and plain lines now and then anywhere else. */
export class Table {
  readonly #members: readonly Member[]
  readonly #title: () => string
  readonly #out: NodeJS.WriteStream
  readonly #timer: NodeJS.Timeout | undefined
  readonly #view: View
  #drawn = 0

  constructor(members: readonly Member[], title: () => string, out: NodeJS.WriteStream, view: View = LOAD) {
    this.#view = view
    this.#members = members
    this.#title = title
    this.#out = out
    if (out.isTTY) this.#timer = setInterval(() => this.#draw(), REDRAW_MS)
  }

  /** A line that stays, above the table. */
  say(text: string): void {
    const gap = !this.#out.isTTY && this.#drawn > 0 ? '\n' : ''
    this.#erase()
    this.#out.write(`${gap}${text}\n`)
    if (this.#out.isTTY) this.#draw()
  }

  /** Shows the table where it is not shown all the time. */
  print(): void {
    if (!this.#out.isTTY) this.#draw()
  }

  /** Leaves the last state standing. */
  close(): void {
    clearInterval(this.#timer)
    this.#drawn = 0
  }

  #draw(): void {
    this.#erase()
    const { columns, units } = this.#view
    const rows = this.#members.map((member) => this.#tinted(member, line(this.#view.cells(member))))
    const lines = ['', this.#title(), line(columns), ...(units.length > 0 ? [line(units)] : []), ...rows]
    this.#out.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  /** A person sees at a glance what the phases do to urgent objects. */
  #tinted({ state, row }: Member, text: string): string {
    if (!this.#out.isTTY || this.#out.getColorDepth() === 1) return text
    if (state === 'killed') return styleText('dim', text)
    const urgent = row?.urgent99
    if (urgent === undefined) return text
    return styleText(urgent < SLOW_MS ? 'green' : 'red', text)
  }

  #erase(): void {
    if (this.#out.isTTY && this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
  }
}

function cells({ name, state, row }: Member): string[] {
  if (row === undefined || state !== 'up') return [name, state]
  const { peers, handshake, bitsIn, bitsOut, urgent50, urgent99, bulk50, queue } = row
  return [
    name,
    state,
    String(peers),
    milliseconds(handshake),
    (bitsIn / 1e6).toFixed(1),
    (bitsOut / 1e6).toFixed(1),
    milliseconds(urgent50),
    milliseconds(urgent99),
    milliseconds(bulk50),
    String(queue),
  ]
}

const LOAD: View = { columns, units, cells }

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index < 2 ? cell.padEnd(WIDTH) : cell.padStart(WIDTH)))
    .join('')
    .trimEnd()
}

/** A duration in milliseconds, with one decimal while that says something. */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-'
  return value.toLocaleString('en', {
    minimumFractionDigits: value < 100 ? 1 : 0,
    maximumFractionDigits: value < 100 ? 1 : 0,
  })
}
