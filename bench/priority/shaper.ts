import { spawnSync } from 'node:child_process'
import type { Link } from './link.js'
import { now } from './now.js'

/** A token bucket on one device of a router. */
export interface Shaper {
  readonly namespace: string
  readonly device: string
}

/** What has passed it by now, in frames as it counts them: with the Ethernet header, without its checksum. */
export interface ShaperCount {
  readonly at: number
  readonly bytes: number
  readonly frames: number
  readonly drops: number
}

/** What may pass at once after a pause: a late timer of the kernel costs no rate, and a queue shows in the latency. */
const BURST_MS = 1.25
/** How much waits by default. */
const QUEUE_MS = 50
const FRAME_BYTES = 1514

export function shape(namespace: string, device: string, link: Link): Shaper {
  if (link.rate === undefined) throw new Error(`${link.name} has no rate`)
  const bytesPerMs = link.rate / 8e3
  const burst = Math.ceil(Math.max(2 * FRAME_BYTES, BURST_MS * bytesPerMs))
  const limit = Math.ceil(link.packets === undefined ? QUEUE_MS * bytesPerMs : 2 * link.packets * FRAME_BYTES)
  tc(namespace, `qdisc add dev ${device} root handle 1: tbf rate ${link.rate}bit burst ${burst} limit ${limit}`)
  if (link.packets !== undefined) {
    tc(namespace, `qdisc add dev ${device} parent 1:1 handle 10: pfifo limit ${link.packets}`)
  }
  return { namespace, device }
}

export function readShaper({ namespace, device }: Shaper): ShaperCount {
  const queues = JSON.parse(tc(namespace, `-s -j qdisc show dev ${device}`)) as TcQueue[]
  const root = queues.find(({ kind }) => kind === 'tbf')
  if (root === undefined) throw new Error(`${device} in ${namespace} has no token bucket`)
  return { at: now(), bytes: root.bytes, frames: root.packets, drops: root.drops }
}

interface TcQueue {
  readonly kind: string
  readonly bytes: number
  readonly packets: number
  readonly drops: number
}

function tc(namespace: string, command: string): string {
  const { status, stdout, stderr } = spawnSync('tc', ['-n', namespace, ...command.split(' ')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tc -n ${namespace} ${command}: ${stderr.trim()}`)
  return stdout
}
