import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Pair } from '../pair.js'
import { GOODPUT, window } from './flow.js'
import type { Load } from './load.js'

/** One stream alone, and beside one process a processor that computes without end. */
export function neighbours(name: string, title: string, bytes: number): Load {
  return {
    name,
    title,
    metrics: [
      { name: 'kept', unit: 'of quiet', better: 'higher', isRatio: true },
      { ...GOODPUT, name: 'quiet' },
      { ...GOODPUT, name: 'beside' },
    ],
    async start(subject, site, settings) {
      const pair = await Pair.open(subject, site, { role: 'count', farEnds: 1 }, async (pair) => {
        await pair.near.ask('dial', { addresses: pair.addresses, channels: 1 })
        await window(pair, { bytes }, settings)
      })
      return {
        pids: pair.pids,
        async measure() {
          const { goodput: quiet = Number.NaN } = await window(pair, { bytes }, settings)
          const busy = Array.from({ length: availableParallelism() }, endless)
          const { goodput: beside = Number.NaN } = await window(pair, { bytes }, settings)
          await Promise.all(busy.map(end))
          return { kept: beside / quiet, quiet, beside }
        },
        close: () => pair.close(),
      }
    },
  }
}

function endless(): ChildProcess {
  return spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
