import { setTimeout as delay } from 'node:timers/promises'
import { now } from '../../priority/now.js'
import type { FlowOptions } from '../questions.js'
import type { Channel, End } from '../stacks/stack.js'

/** Writes on channels until it is stopped. */
export class Flow {
  readonly #stopping = new AbortController()
  readonly #loops: readonly Promise<unknown>[]

  constructor(channels: readonly Channel[], end: End, options: FlowOptions) {
    const bytes = Buffer.alloc(options.bytes, 1)
    const { signal } = this.#stopping
    if (options.isBroadcast) {
      this.#loops = [repeat(() => toAll(channels, end, bytes), signal)]
    } else if (options.rate !== undefined) {
      this.#loops = channels.map((channel) => paced(channel, bytes, Number(options.rate) / channels.length, signal))
    } else {
      this.#loops = channels.map((channel) => repeat(() => channel.write(bytes), signal))
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    // A loop that waits for room when its peer is gone never ends.
    await Promise.race([Promise.allSettled(this.#loops), delay(STOP_MS, undefined, { ref: false })])
  }
}

async function repeat(write: () => Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  for (let pieces = 1; !signal.aborted; pieces++) {
    const room = write()
    if (room !== undefined) await room
    // The kernel may take small pieces as fast as they come.
    if (pieces % PIECES_A_TURN === 0) await new Promise(setImmediate)
  }
}

function toAll(channels: readonly Channel[], end: End, bytes: Buffer): Promise<unknown> {
  if (end.broadcast !== undefined) return end.broadcast(bytes)
  return Promise.all(channels.map((channel) => channel.write(bytes)))
}

/** What is due by the rate, at each tick. */
async function paced(channel: Channel, bytes: Buffer, rate: number, signal: AbortSignal): Promise<void> {
  const began = now()
  for (let sent = 0; !signal.aborted; ) {
    const due = ((now() - began) / 8e3) * rate
    while (sent + bytes.length <= due && !signal.aborted) {
      const room = channel.write(bytes)
      sent += bytes.length
      if (room !== undefined) await room
    }
    await delay(TICK_MS)
  }
}

/** Pieces between turns of the event loop, at most. */
const PIECES_A_TURN = 64
const STOP_MS = 2_000
/** A timer of Node is no finer. */
const TICK_MS = 1
