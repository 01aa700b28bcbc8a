import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { now } from './now.js'
import type { AfterCancel } from './verbs.js'

/** Long enough for everything that a kernel's send buffer of 4 MiB holds to leave at 100 Mbit/s, and then some. */
const WATCH_MS = 800
/** What leaves after the last byte of an object: its reset, acknowledgements, a keepalive. */
const CONTROL_BYTES = 2_048

/** Cancels, and watches what this network namespace's link still sends. */
export async function watchCancel(cancel: () => void): Promise<AfterCancel> {
  const begin = now()
  const before = sentBytes()
  cancel()
  const steps: { readonly at: number; readonly bytes: number }[] = [{ at: 0, bytes: 0 }]
  for (let at = 0; at < WATCH_MS; ) {
    const bytes = sentBytes() - before
    at = now() - begin
    if (bytes > (steps[steps.length - 1]?.bytes ?? 0)) steps.push({ at, bytes })
    await turn()
  }
  const bytes = steps[steps.length - 1]?.bytes ?? 0
  return { bytes, stopped: steps.find((step) => bytes - step.bytes <= CONTROL_BYTES)?.at ?? WATCH_MS }
}

function sentBytes(): number {
  return Number(readFileSync('/sys/class/net/eth0/statistics/tx_bytes', 'utf8'))
}
