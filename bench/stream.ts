import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Figure } from './figures.js'
import type { Program } from './program.js'
import { receivedBytes } from './received-bytes.js'
import { measureSeal } from './seal.js'

const CHUNK_BYTES = 256 * 1024
const WARM_UP_MS = 1_000

/** What an end has done by now. */
interface Progress {
  readonly at: number
  readonly bytes: number
  /** Of the whole process, all threads. */
  readonly cpuSeconds: number
}

/**
 * How fast is one stream from JavaScript to JavaScript, and what does it cost?
 *
 * The limit is the cipher: WireGuard seals and opens every byte with ChaCha20-Poly1305, so its speed on one core is
 * measured in the same run, before the stream.
 */
export const stream: Program = {
  name: 'stream',
  question: 'How fast is one stream between two processes, beside the cipher alone?',

  serve(device) {
    const received = receivedBytes(device)
    return () => progress(received())
  },

  async measure({ options, peer, ask }) {
    const cipher = await measureSeal()
    const connection = await peer.connect()
    const outgoing = connection.openStream()
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let bytes = 0
    let isRunning = true
    const writing = (async () => {
      while (isRunning) {
        if (!outgoing.write(chunk)) await once(outgoing, 'drain')
        bytes += chunk.length
      }
    })()

    await delay(WARM_UP_MS)
    const begin = { near: progress(bytes), far: (await ask()) as Progress }
    await delay(options.seconds * 1_000)
    const end = { near: progress(bytes), far: (await ask()) as Progress }
    isRunning = false
    await writing
    connection.destroy()

    const moved = end.far.bytes - begin.far.bytes
    const seconds = (end.far.at - begin.far.at) / 1_000
    const cpu = end.near.cpuSeconds - begin.near.cpuSeconds + end.far.cpuSeconds - begin.far.cpuSeconds
    const goodput = (moved * 8) / seconds / 1e6
    const figure = (metric: string, value: number, unit: string): Figure => ({ name: 'stream', metric, value, unit })
    return [
      figure('goodput', goodput, 'Mbit/s'),
      figure('seal_one_core', cipher.sealMbits, 'Mbit/s'),
      figure('goodput_to_seal', goodput / cipher.sealMbits, 'ratio'),
      figure('cpu_per_gb', cpu / (moved / 1e9), 's/GB'),
      figure('crypto_per_gb', cipher.secondsPerGigabyte, 's/GB'),
    ]
  },
}

function progress(bytes: number): Progress {
  const { user, system } = process.cpuUsage()
  return { at: performance.now(), bytes, cpuSeconds: (user + system) / 1e6 }
}
