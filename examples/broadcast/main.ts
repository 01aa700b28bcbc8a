/**
 * `npm start`: a broadcast network on this machine.
 *
 * Read on in this order: `node.ts` (one node), `overlay.ts` (whom it knows), `gossip.ts` (what they tell each other),
 * `publisher.ts` (the load), `check.ts` (who should have what). This file is the parent: it starts the nodes, kills one,
 * starts another, and adds up what they report.
 */

import { Check } from './check.js'
import { now, until } from './clock.js'
import { runCommand } from './command.js'
import { type Member, Network } from './network.js'
import { type NodeOptions, type Options, readOptions } from './options.js'
import type { FromNode } from './report.js'
import { PHASES, roll } from './roll.js'
import { JOIN_AT, KILL_AT, phaseAt, phaseCount, phaseEnds, UPGRADE_AT, UPGRADE_SHARE } from './schedule.js'
import { settle } from './settle.js'
import { format, type Summary, summarise } from './summary.js'
import { Table } from './table.js'

async function run(options: Options, registry: string): Promise<Summary> {
  const check = new Check()
  const crashed: string[] = []
  const upgrade = { doubled: 0, gapMs: 0 }
  const network = new Network({
    report: (member, report) => record(check, upgrade, member, report),
    crashed: (member, how) => crashed.push(`${member.name}: ${how}`),
  })
  const nodeOptions: NodeOptions = { ...options, registry, fault: undefined }
  let start = Infinity
  const table = new Table(
    network.members,
    () => title((now() - start) / 1_000, options),
    options.json ? process.stderr : process.stdout,
  )

  async function kill(member: Member): Promise<void> {
    await network.kill(member)
    check.killed(member.name)
    table.say(`${member.name} was killed (SIGKILL).`)
  }

  async function join(): Promise<void> {
    const newcomer = await network.start(nodeOptions)
    network.tell({ type: 'start', at: start }, [newcomer])
    table.say(`${newcomer.name} joined by itself.`)
  }

  /** In small what `../upgrade` does at length. */
  async function toNewVersion(): Promise<void> {
    const phases = PHASES.slice(1, -1)
    const pause = (UPGRADE_SHARE * options.seconds * 1_000) / (phases.length * (options.nodes + 1))
    await roll(network, phases, pause, {
      phase: ({ name }) => table.say(`All nodes, one after the other: ${name}.`),
      turned: async () => undefined,
    })
  }

  try {
    const [broken, victim] = await Promise.all(
      Array.from({ length: options.nodes }, (_, index) =>
        network.start(index === 0 ? { ...nodeOptions, fault: options.fault } : nodeOptions),
      ),
    )
    table.say(`${options.nodes} nodes are up, each linked to two others or more.`)
    if (options.fault !== undefined) table.say(`${broken?.name} is broken on purpose: ${options.fault}.`)

    start = now()
    network.tell({ type: 'start', at: start })
    await happen(start, options.seconds, [
      ...phaseEnds().map((at) => ({ at, what: () => table.print() })),
      { at: KILL_AT, what: () => victim && kill(victim) },
      { at: JOIN_AT, what: join },
      { at: UPGRADE_AT, what: toNewVersion },
    ])

    network.tell({ type: 'finish' })
    const verdict = await settle(check, options.drain, (text) => table.say(text))
    table.close()
    await network.stop()
    return summarise(options, start, check, verdict, network.members, crashed, upgrade)
  } finally {
    table.close()
    network.abandon()
  }
}

/** Lets each thing happen at its time, a part of the run from 0 to 1, and resolves when all have and the run is over. */
async function happen(
  start: number,
  seconds: number,
  events: readonly { readonly at: number; readonly what: () => unknown }[],
): Promise<void> {
  const at = (share: number): Promise<void> => until(start + share * seconds * 1_000)
  await Promise.all([at(1), ...events.map((event) => at(event.at).then(event.what))])
}

function record(check: Check, upgrade: { doubled: number; gapMs: number }, { name }: Member, report: FromNode): void {
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
      upgrade.doubled += report.doubled.length
      for (const { from, to } of report.gaps) upgrade.gapMs = Math.max(upgrade.gapMs, to - from)
      break
  }
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

runCommand({ name: 'broadcast', readOptions, run, format })
