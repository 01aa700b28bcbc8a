import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { now } from './now.js'
import type { Line, Receiver } from './transports/transport.js'

export const BULK_BYTES = 1024 * 1024
export const URGENT_BYTES = 1024
export const URGENT_INTERVAL_MS = 20

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

  /** How many urgent objects were due in that time. */
  duesBetween(from: number, to: number): number {
    return this.#dues.filter((due) => due >= from && due < to).length
  }

  stop(): void {
    void this.#metronome?.terminate()
  }
}

export function urgentObject(due: number): Buffer {
  const bytes = Buffer.alloc(URGENT_BYTES)
  bytes.writeDoubleBE(due, 0)
  return bytes
}

/** What a node receives, and when. */
export class Arrivals implements Receiver {
  readonly #urgent: { readonly due: number; readonly latency: number }[] = []
  readonly #bulk: { readonly at: number; readonly bytes: number }[] = []

  urgent(bytes: Uint8Array): void {
    const due = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
    this.#urgent.push({ due, latency: now() - due })
  }

  bulk(bytes: number): void {
    this.#bulk.push({ at: now(), bytes })
  }

  /** The latencies of the urgent objects that were due in that time, in milliseconds. */
  latenciesBetween(from: number, to: number): readonly number[] {
    return this.#urgent.filter(({ due }) => due >= from && due < to).map(({ latency }) => latency)
  }

  /**
   * Bits per second of bulk between the first and the last object that was whole in that time; what the window cuts off
   * at its edges counts on neither side. Zero with fewer than two.
   */
  goodputBetween(from: number, to: number): number {
    const whole = this.#bulk.filter(({ at }) => at >= from && at < to)
    const first = whole[0]
    const last = whole[whole.length - 1]
    if (first === undefined || last === undefined || first === last) return 0
    const bytes = whole.reduce((sum, object) => sum + object.bytes, 0) - first.bytes
    return (bytes * 8_000) / (last.at - first.at)
  }
}
