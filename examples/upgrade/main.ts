/**
 * `npm run upgrade-demo`: a network that upgrades under load.
 *
 * Eight nodes, each a process, publish and forward as in `../broadcast` (read that first; its `node.ts` is the node here too).
 * They roll from version 1 of their protocol to version 2 and back, one at a time in random order, while one is killed, one
 * joins and one goes back half-way. An upgrade is one call in each node, `device.setProtocols()`: see `../broadcast/roll.ts`
 * for the phases, and `docs/upgrading.md` for what an operator watches in each.
 */

import { Check } from '../broadcast/check.js'
import { now, until } from '../broadcast/clock.js'
import { runCommand } from '../broadcast/command.js'
import { type Member, Network } from '../broadcast/network.js'
import type { NodeOptions } from '../broadcast/options.js'
import type { FromNode } from '../broadcast/report.js'
import { PHASES, type Phase, roll, speak } from '../broadcast/roll.js'
import { settle } from '../broadcast/settle.js'
import { Table } from '../broadcast/table.js'
import { readOptions, type UpgradeOptions } from './options.js'
import { format, summarise, type UpgradeSummary } from './summary.js'
import { PROTOCOLS } from './view.js'

/** Parts of the run before the first node turns, and after the last one has. */
const BEFORE = 0.15
const AFTER = 0.15

const LOAD = { urgentSize: 1024, alwaysPrioritised: true }

async function run(options: UpgradeOptions, registry: string): Promise<UpgradeSummary> {
  const check = new Check()
  const seen = { doubled: 0, gapMs: 0, crashed: [] as string[] }
  const network = new Network({
    report: (member, report) => record(check, seen, member, report),
    crashed: (member, how) => seen.crashed.push(`${member.name}: ${how}`),
  })
  const { drain: _, json: _json, ...shared } = options
  const { nodes, seconds } = options
  // They publish until they are told that it is over, however long the roll takes.
  const base: NodeOptions = { ...LOAD, ...shared, seconds: 100 * seconds, registry, fault: undefined }
  let title = 'The nodes look for each other.'
  const table = new Table(network.members, () => title, options.json ? process.stderr : process.stdout, PROTOCOLS)
  const start = (protocols: Phase['protocols']): Promise<Member> => network.start({ ...base, protocols })

  try {
    const [first] = PHASES as [Phase]
    const members = await Promise.all(Array.from({ length: nodes }, () => start(first.protocols)))
    const began = now()
    network.tell({ type: 'start', at: began })
    title = 'Everybody speaks the old version.'
    await until(began + BEFORE * seconds * 1_000)

    const way = [...PHASES.slice(1), ...PHASES.slice(0, -1).reverse()]
    const turns = way.length * nodes
    const pause = ((1 - BEFORE - AFTER) * seconds * 1_000) / turns
    const rolled = { from: now(), to: Infinity }
    const [victim] = members
    await roll(network, way, pause, {
      phase(phase) {
        table.print()
        title = `Next phase: ${phase.name}.`
      },
      async turned(member, from, phase, step) {
        if (step === Math.floor(turns / 4) && victim !== undefined) {
          await network.kill(victim)
          check.killed(victim.name)
          table.say(`${victim.name} was killed (SIGKILL).`)
          const newcomer = await start(phase.protocols)
          network.tell({ type: 'start', at: began }, [newcomer])
          table.say(`${newcomer.name} joined, in the middle of it.`)
        }
        if (step === Math.floor(turns / 2.6) && from !== undefined && member.state === 'up') {
          speak(network, member, from)
          table.say(`${member.name} was rolled back, and on again.`)
          await until(now() + pause)
          speak(network, member, phase)
        }
      },
    })
    rolled.to = now()
    title = 'Everybody speaks the old version again.'
    await until(Math.max(began + seconds * 1_000, now() + AFTER * seconds * 1_000))
    table.print()

    network.tell({ type: 'finish' })
    const verdict = await settle(check, options.drain, (text) => table.say(text))
    table.close()
    await network.stop()
    return summarise(check, verdict, rolled, seen)
  } finally {
    table.close()
    network.abandon()
  }
}

function record(check: Check, seen: { doubled: number; gapMs: number }, { name }: Member, report: FromNode): void {
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
      seen.doubled += report.doubled.length
      // A node that was killed never comes back under its key, so both ends of each of these were up.
      for (const { from, to } of report.gaps) seen.gapMs = Math.max(seen.gapMs, to - from)
      break
  }
}

runCommand({ name: 'upgrade', readOptions, run, format })
