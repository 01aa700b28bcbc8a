import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { now } from './now.js'
import type { Line, Receiver } from './transports/transport.js'
import type { UrgentObject } from './verbs.js'

export const BULK_BYTES = 1024 * 1024
export const URGENT_BYTES = 1024
export const URGENT_INTERVAL_MS = 20
/** An urgent object on a stream opened for it is longer by this, which tells it from the others. */
const FRESH_MARK = Buffer.alloc(1)
/** So long such an object may take before it counts as missing, with this age. */
export const FRESH_MS = 3_000

/** What a node sends: urgent objects on a schedule that waits for nobody, bulk as fast as there is room. */
export class Load {
  readonly #dues: number[] = []
  #metronome: Worker | undefined

  /** To each of the lines in turn, one every interval. */
  startUrgent(lines: readonly Line[]): void {
    const metronome = new Worker(join(__dirname, 'metronome.js'), { workerData: { interval: URGENT_INTERVAL_MS } })
    metronome.on('message', (due: number) => {
      const line = lines[this.#dues.length % lines.length]
      this.#dues.push(due)
      line?.sendUrgent(urgentObject(due))
    })
    this.#metronome = metronome
  }

  /** To each of the lines, the next object as soon as there is room for it. */
  startBulk(lines: readonly Line[]): void {
    const bytes = Buffer.alloc(BULK_BYTES, 0xa5)
    for (const line of lines) {
      void (async () => {
        for (;;) await line.sendBulk(bytes)
      })().catch((error: unknown) => {
        process.stderr.write(`bulk ended: ${error}\n`)
      })
    }
  }

  /** One object, given up when the signal aborts. */
  sendObject(line: Line, length: number, signal: AbortSignal): void {
    line.sendBulk(Buffer.alloc(length, 0xa5), signal).catch((error: unknown) => {
      if (!signal.aborted) process.stderr.write(`an object was not sent: ${error}\n`)
    })
  }

  /** Opens a stream so often, one after the other, each with `FRESH_MS` to deliver its object. */
  async openStreams(line: Line, count: number): Promise<number> {
    if (line.sendFresh === undefined) return 0
    for (let opened = 0; opened < count; opened++) {
      const limit = delay(FRESH_MS)
      const sent = line.sendFresh(Buffer.concat([urgentObject(now()), FRESH_MARK])).catch(() => limit)
      await Promise.race([sent, limit])
    }
    return count
  }

  /** How many urgent objects were due in that time. */
  duesBetween(from: number, to: number): number {
    return this.#dues.filter((due) => due >= from && due < to).length
  }

  async stopUrgent(): Promise<void> {
    await this.#metronome?.terminate()
  }
}

export function urgentObject(due: number): Buffer {
  const bytes = Buffer.alloc(URGENT_BYTES)
  bytes.writeDoubleBE(due, 0)
  return bytes
}

/** What a node receives, and when. */
export class Arrivals {
  /** Latencies of the objects that came on streams opened for them. */
  readonly fresh: number[] = []
  readonly #urgent: UrgentObject[] = []
  readonly #sources: BulkSource[] = []

  /** For what comes from one peer. */
  accept(): Receiver {
    const source = new BulkSource()
    this.#sources.push(source)
    return {
      urgent: (bytes) => this.#takeUrgent(bytes),
      bulk: (bytes) => source.take(bytes),
    }
  }

  #takeUrgent(bytes: Uint8Array): void {
    const due = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
    if (bytes.length > URGENT_BYTES) this.fresh.push(now() - due)
    else this.#urgent.push({ due, latency: now() - due })
  }

  /** The urgent objects that were due in that time. */
  urgentBetween(from: number, to: number): readonly UrgentObject[] {
    return this.#urgent.filter(({ due }) => due >= from && due < to)
  }

  /** Bytes of bulk in that time, of bulk that began at `began`. */
  bulkBetween(began: number, from: number, to: number): number {
    return this.#sources.reduce((sum, source) => sum + source.at(to, began) - source.at(from, began), 0)
  }

  /** How many peers have had an object whole since then: what they sent until then is known. */
  sourcesSince(at: number): number {
    return this.#sources.filter((source) => source.last >= at).length
  }
}

/** The bulk of one peer, whose objects come one after the other. */
class BulkSource {
  readonly #whole: { readonly at: number; readonly total: number }[] = []

  take(bytes: number): void {
    this.#whole.push({ at: now(), total: (this.#whole[this.#whole.length - 1]?.total ?? 0) + bytes })
  }

  get last(): number {
    return this.#whole[this.#whole.length - 1]?.at ?? Number.NEGATIVE_INFINITY
  }

  /** How many bytes had come by then: as if each object came evenly between its predecessor's end and its own. */
  at(instant: number, began: number): number {
    const next = this.#whole.findIndex(({ at }) => at >= instant)
    const before = (next < 0 ? this.#whole[this.#whole.length - 1] : this.#whole[next - 1]) ?? { at: began, total: 0 }
    const after = this.#whole[next]
    if (after === undefined || instant <= before.at) return before.total
    return before.total + ((after.total - before.total) * (instant - before.at)) / (after.at - before.at)
  }
}
