/**
 * A process that times a small piece of work again and again, by its own CPU time, so that what other processes take counts
 * for nothing: it takes several times as long only where the machine itself runs slower, as virtual machines now and then do.
 * Posts the spans in which it did.
 */

import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'
import { median } from '../figures.js'
import { now } from './now.js'
import type { Span } from './verbs.js'

const INTERVAL_MS = 4
/** Of CPU time for the work, about: 1 % of a processor. */
const WORK_MS = 0.05
/** A machine that needs so many times its median is slow. */
const SLOW = 3
/** Pieces of work whose median holds for as many that follow: a second of them. */
const MEMORY = 250

const asleep = new Int32Array(new SharedArrayBuffer(4))
const cells = new Int32Array(1_024)

try {
  // All threads: the piece of work must not wait for what is measured.
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), -20)
} catch {
  // Without root, or without /proc: a piece of work may come late, and takes as long.
}
process.once('disconnect', () => process.exit())

const rounds = calibrate()
let usual = work(rounds)
let taken: number[] = []
watch(now())

function watch(from: number): void {
  Atomics.wait(asleep, 0, 0, INTERVAL_MS)
  const cpu = work(rounds)
  const to = now()
  if (cpu > SLOW * usual) process.send?.({ from, to } satisfies Span)
  taken.push(cpu)
  if (taken.length === MEMORY) {
    usual = median(taken)
    taken = []
  }
  setImmediate(watch, to)
}

/** As many rounds as take about `WORK_MS`. */
function calibrate(): number {
  let rounds = 1_000
  for (;;) {
    const each = median(Array.from({ length: 50 }, () => work(rounds)))
    if (each >= WORK_MS) return rounds
    rounds *= 2
  }
}

/** Milliseconds of CPU time. */
function work(rounds: number): number {
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round++) {
    const cell = round % cells.length
    cells[cell] = (cells[cell] ?? 0) + round
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e3
}
