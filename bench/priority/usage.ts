import { readdirSync, readFileSync } from 'node:fs'
import { now } from './now.js'

/** What a process has used by now. */
export interface ProcessUsage {
  readonly at: number
  /** Of all its threads. */
  readonly cpuSeconds: number
  /** Of each thread by its id, in seconds; empty where there is no /proc. */
  readonly threads: Readonly<Record<string, number>>
}

/** What the machine's processors have done by now, in seconds of all of them. */
export interface MachineUsage {
  readonly busy: number
  readonly all: number
}

/** USER_HZ: sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage()
  return { at: now(), cpuSeconds: (user + system) / 1e6, threads: threadSeconds() }
}

export function machineUsage(): MachineUsage | undefined {
  if (process.platform !== 'linux') return undefined
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
  const ticks = line.split(/\s+/).slice(1, 9).map(Number)
  const all = ticks.reduce((sum, each) => sum + each, 0)
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
  return { busy: (all - idle) / TICKS_PER_SECOND, all: all / TICKS_PER_SECOND }
}

/** The share of one core that the busiest thread took between two readings. */
export function busiestThread(begin: ProcessUsage, end: ProcessUsage): number {
  const seconds = (end.at - begin.at) / 1e3
  return Math.max(0, ...Object.entries(end.threads).map(([id, used]) => (used - (begin.threads[id] ?? 0)) / seconds))
}

function threadSeconds(): Record<string, number> {
  if (process.platform !== 'linux') return {}
  const used: Record<string, number> = {}
  for (const id of readdirSync('/proc/self/task')) {
    try {
      // After the name in parentheses, which may hold anything: fields 3 and on; utime and stime are 14 and 15.
      const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? []
      used[id] = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    } catch {
      // It ended meanwhile.
    }
  }
  return used
}
