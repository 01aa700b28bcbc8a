import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Span } from './verbs.js'

/**
 * So long before a slow moment what is due is under way in it, and so long after one the nodes catch up. The same for all
 * transports, however fast, so that leaving it out favours none.
 */
const BEFORE_MS = 50
const AFTER_MS = 150

/** When the machine itself was slow. */
export class SlowMoments {
  readonly #spans: Span[] = []

  add(span: Span): void {
    this.#spans.push(span)
  }

  /** Their share of that time. */
  shareOf({ from, to }: Span): number {
    const slow = this.#spans.map((span) => Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)))
    return slow.reduce((sum, each) => sum + each, 0) / (to - from)
  }

  /** Whether one is close to that instant. */
  isNear(instant: number): boolean {
    return this.#spans.some(({ from, to }) => instant > from - BEFORE_MS && instant < to + AFTER_MS)
  }
}

/** The machine, watched by a process of its own until it is closed. */
export class Machine {
  readonly slow = new SlowMoments()
  readonly #witness = fork(join(__dirname, 'witness.js'))

  constructor() {
    this.#witness.on('message', (span: Span) => this.slow.add(span))
  }

  close(): void {
    this.#witness.disconnect()
  }
}
