import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, type as systemType, totalmem } from 'node:os'
import { now } from '../priority/now.js'
import type { MachineFacts } from './result.js'

/** The machine's processors and some processes, at an instant. */
export interface Reading {
  readonly at: number
  /** In programs and the kernel on their behalf, without interrupts: seconds of all processors. */
  readonly busy: number
  /** Taken by the host. */
  readonly stolen: number
  /** Of the processes that are measured, and of this one. */
  readonly own: number
}

/** Shares of all processors between two readings. */
export interface Disturbance {
  readonly others: number
  readonly stolen: number
}

export function read(pids: Iterable<number>): Reading {
  const ticks = statFields('/proc/stat', /^cpu +(.*)$/m)
  const own = [process.pid, ...pids].reduce((sum, pid) => sum + cpuSeconds(pid), cpuSecondsOfEnded())
  const [user = 0, nice = 0, system = 0] = ticks
  return { at: now(), busy: (user + nice + system) / TICKS, stolen: (ticks[7] ?? 0) / TICKS, own }
}

/** Of all threads of a process, those that ended too; 0 where there is no /proc, or the process is gone. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(`/proc/${pid}/stat`, PROCESS)
  return ((fields[10] ?? 0) + (fields[11] ?? 0)) / TICKS
}

/** Of the children of this process that have ended, and of theirs. */
function cpuSecondsOfEnded(): number {
  const fields = statFields('/proc/self/stat', PROCESS)
  return ((fields[12] ?? 0) + (fields[13] ?? 0)) / TICKS
}

export function between(begin: Reading, end: Reading): Disturbance {
  const all = ((end.at - begin.at) / 1e3) * cpus().length
  const share = (seconds: number): number => Math.max(0, seconds) / all
  return {
    others: share(end.busy - begin.busy - (end.own - begin.own)),
    stolen: share(end.stolen - begin.stolen),
  }
}

export function isDisturbed({ others, stolen }: Disturbance): boolean {
  return others > OTHERS_ALLOWED || stolen > STOLEN_ALLOWED
}

export function facts(whole: Disturbance, loadAverage: number): MachineFacts {
  const model = (cpus()[0]?.model ?? 'unknown').replace(/\(R\)|\(TM\)| Processor/g, '').trim()
  return {
    processors: cpus().length,
    model,
    system: `${systemType()} ${release()}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage,
    others: whole.others,
    stolen: whole.stolen,
  }
}

export function loadAverage(): number {
  return loadavg()[0] ?? 0
}

function statFields(file: string, line: RegExp): readonly number[] {
  try {
    return line.exec(readFileSync(file, 'utf8'))?.[1]?.trim().split(/\s+/).map(Number) ?? []
  } catch {
    return []
  }
}

/** After the name in parentheses, which may hold anything, and the state: fields 4 and on. utime is 14, cstime 17. */
const PROCESS = /^.*\) \S+ (.*)$/s
/** USER_HZ: sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on. */
const TICKS = 100
/** Two ticks of USER_HZ on two processors for a second are 1 %; a window that is this quiet moves no figure by more than its spread. */
const OTHERS_ALLOWED = 0.05
const STOLEN_ALLOWED = 0.02
