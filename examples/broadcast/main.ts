/**
 * `npm start`: a broadcast network on this machine.
 *
 * Read on in this order: `node.ts` (one node), `overlay.ts` (whom it knows), `gossip.ts` (what they tell each other),
 * `publisher.ts` (the load), `check.ts` (who should have what). This file is the parent: it starts the nodes, kills one,
 * starts another, and adds up what they report.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Check, type Verdict } from './check.js'
import { now, until } from './clock.js'
import { type Member, Network } from './network.js'
import { type NodeOptions, type Options, readOptions } from './options.js'
import type { FromNode } from './report.js'
import { JOIN_AT, KILL_AT, phaseAt, phaseCount } from './schedule.js'
import { format, type Summary, summarise } from './summary.js'
import { Table } from './table.js'

const CHECK_INTERVAL_MS = 250

/** When nothing arrived anywhere for this long, nothing more will: what is missing then is lost. */
const QUIET_MS = 5_000

async function run(options: Options, registry: string): Promise<Summary> {
  const check = new Check()
  const crashed: string[] = []
  const network = new Network({
    report: (member, report) => record(check, member, report),
    crashed: (member, how) => crashed.push(`${member.name}: ${how}`)
  })
  process.once('exit', () => network.abandon())

  let start = Infinity
  const at = (share: number): Promise<void> => until(start + share * options.seconds * 1_000)
  const table = new Table(
    network.members,
    () => title((now() - start) / 1_000, options),
    options.json ? process.stderr : process.stdout
  )
  const nodeOptions: NodeOptions = { ...options, registry, fault: undefined }

  const [, victim] = await Promise.all(
    Array.from({ length: options.nodes }, (_, index) =>
      network.start(index === 0 ? { ...nodeOptions, fault: options.fault } : nodeOptions)
    )
  )
  table.say(`${options.nodes} nodes are up, each linked to two others or more.`)
  start = now()
  network.tell({ type: 'start', at: start })

  await at(KILL_AT)
  if (victim !== undefined) {
    await network.kill(victim)
    check.killed(victim.name)
    table.say(`${victim.name} was killed (SIGKILL).`)
  }

  await at(JOIN_AT)
  const newcomer = await network.start(nodeOptions)
  network.tell({ type: 'start', at: start }, [newcomer])
  table.say(`${newcomer.name} joined by itself.`)

  await at(1)
  network.tell({ type: 'finish' })
  const verdict = await settle(check, options.drain)
  await network.stop()
  table.close()
  return summarise(options, start, check, verdict, network.members, crashed)
}

function record(check: Check, { name }: Member, report: FromNode): void {
  switch (report.type) {
    case 'linked':
      check.linked(name, report.at)
      break
    case 'published':
      check.published(name, report.object)
      break
    case 'statistics':
      check.received(name, report.received)
      check.offered(name, report.offered)
      break
  }
}

/** The verdict once everything has arrived; or once nothing moves any more; or after `seconds`. */
async function settle(check: Check, seconds: number): Promise<Verdict> {
  const deadline = now() + seconds * 1_000
  let verdict = check.verdict()
  let changed = now()
  while (verdict.lost.length > 0 && now() < Math.min(deadline, changed + QUIET_MS)) {
    await until(now() + CHECK_INTERVAL_MS)
    const before = verdict
    verdict = check.verdict()
    if (verdict.delivered !== before.delivered) changed = now()
  }
  return verdict
}

function title(elapsed: number, { seconds }: Options): string {
  if (elapsed < 0) return 'The nodes look for each other.'
  if (elapsed >= seconds) return 'Nothing new is published; the last objects arrive.'
  const { index, prioritised } = phaseAt(elapsed, seconds)
  const clock = `${elapsed.toFixed(0).padStart(3)} of ${seconds} s`
  if (index < 0) return `${clock}   warming up`
  const how = prioritised
    ? 'urgent objects have a higher priority than bulk'
    : 'urgent objects have the same priority as bulk'
  return `${clock}   phase ${index + 1} of ${phaseCount}: ${how}`
}

async function main(): Promise<void> {
  const options = readOptions()
  const directory = await mkdtemp(join(tmpdir(), 'broadcast-'))
  try {
    const registry = join(directory, 'registry.jsonl')
    await writeFile(registry, '')
    const summary = await run(options, registry)
    process.stdout.write(`${options.json ? JSON.stringify(summary) : `\n${format(summary)}`}\n`)
    process.exitCode = summary.ok ? 0 : 1
  } finally {
    await rm(directory, { recursive: true })
  }
}

void main()
