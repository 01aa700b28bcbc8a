import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'warren'

/** A stream as fast as it goes, and beside it urgent messages, each with the instant it was due. */
export class Load {
  #bytes = 0
  #latencies: number[] = []
  #since = now()

  /** Arrivals since the last call. */
  take(): { readonly bytes: number; readonly latencies: readonly number[]; readonly ms: number } {
    const taken = { bytes: this.#bytes, latencies: this.#latencies, ms: now() - this.#since }
    this.#bytes = 0
    this.#latencies = []
    this.#since = now()
    return taken
  }

  receive(connection: Connection): void {
    connection.on('stream', (stream) => {
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => {
        this.#bytes += chunk.length
      })
    })
    void (async () => {
      for await (const { bytes } of connection.messages()) this.#latencies.push(now() - bytes.readDoubleBE(0))
    })()
  }

  send(connection: Connection): void {
    void sendBulk(connection)
    void sendUrgent(connection)
  }
}

async function sendBulk(connection: Connection): Promise<void> {
  const stream = connection.openStream({ direction: 'out' })
  stream.on('error', () => {})
  const chunk = Buffer.alloc(CHUNK_BYTES)
  while (connection.isOpen) {
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), connection.closed])
  }
}

/** One every interval, counted from the instant it was due, however late this process is. */
async function sendUrgent(connection: Connection): Promise<void> {
  for (let due = now(); connection.isOpen; due += URGENT_INTERVAL_MS) {
    const wait = due - now()
    if (wait > 0) await delay(wait)
    const bytes = Buffer.alloc(URGENT_BYTES)
    // Timers may be early by less than a millisecond.
    bytes.writeDoubleBE(Math.min(due, now()), 0)
    connection.send(bytes, { priority: URGENT_PRIORITY }).catch(() => undefined)
  }
}

/** The host's monotonic clock, in milliseconds: the same in all processes. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const CHUNK_BYTES = 256 * 1024
const URGENT_BYTES = 1024
const URGENT_INTERVAL_MS = 10
const URGENT_PRIORITY = 255
