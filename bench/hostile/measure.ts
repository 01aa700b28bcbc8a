import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { type Figure, median, percentile } from '../figures.js'
import { type Attack, Attacker } from './attacks.js'
import { Child, favour } from './child.js'
import type { HonestOptions, HonestReady } from './honest.js'
import type { VictimAnswer, VictimOptions } from './victim.js'

export interface Plan {
  readonly name: string
  readonly attack: Attack
  /** The attack's rate in Mbit/s. */
  readonly rate: number
  /** The victim's uplink in bits per second; undefined: the bulk goes to the victim. */
  readonly uplink: number | undefined
}

export interface Settings {
  readonly program: string
  readonly seconds: number
  readonly rounds: number
  readonly driver: 'native' | 'script'
  /** Whether to say why connections ended, and what the victim counted. */
  readonly tell: boolean
}

/** A phase: nothing, the attack at a socket that nobody reads, the attack. */
const PHASES = ['quiet', 'elsewhere', 'here'] as const
type Phase = (typeof PHASES)[number]

interface Seen {
  readonly goodputs: number[]
  readonly latencies: number[]
}

/** Runs one attack beside an honest pair, in turn with none. */
export async function measure(plan: Plan, settings: Settings): Promise<readonly Figure[]> {
  const { attack, uplink } = plan
  const { driver } = settings
  const victim = new Child('victim.js', { hostile: attack.victim, uplink, driver } satisfies VictimOptions)
  const children = [victim]
  let attacker: Attacker | undefined
  try {
    const { port } = (await victim.told()) as { port: number }
    const honest = new Child('honest.js', { port, receives: uplink !== undefined, driver } satisfies HonestOptions)
    children.push(honest)
    const { session } = (await honest.told()) as HonestReady
    attacker = await Attacker.begin(settings.program, attack.name, port, session)
    favour(attacker.pid)
    const receiver = uplink === undefined ? victim : honest
    return await inTurn(plan, settings, { victim, receiver, attacker })
  } finally {
    attacker?.end()
    for (const child of children) child.kill()
  }
}

interface Ends {
  readonly victim: Child
  readonly receiver: Child
  readonly attacker: Attacker
}

async function inTurn(plan: Plan, settings: Settings, ends: Ends): Promise<readonly Figure[]> {
  const { victim, receiver, attacker } = ends
  const seen: Record<Phase, Seen> = {
    quiet: { goodputs: [], latencies: [] },
    elsewhere: { goodputs: [], latencies: [] },
    here: { goodputs: [], latencies: [] },
  }
  await delay(WARM_UP_MS)
  const before = (await victim.ask()) as VictimAnswer
  // What is sent elsewhere is what was sent here.
  await attacker.here(plan.rate, WARM_UP_MS / 1e3)
  let sent = 0
  let seconds = 0
  for (let round = 0; round < settings.rounds; round++) {
    // Each follows each of the others as often: what a phase leaves behind meets all.
    for (const phase of round % 2 === 0 ? PHASES : PHASES.toReversed()) {
      const length = settings.seconds + MARGIN_MS / 1e3
      const doing = {
        quiet: () => attacker.rest(length),
        elsewhere: () => attacker.there(plan.rate, length),
        here: () => attacker.here(plan.rate, length),
      }[phase]()
      await delay(MARGIN_MS)
      await receiver.ask()
      const done = await doing
      const { load } = (await receiver.ask()) as Pick<VictimAnswer, 'load'>
      seen[phase].goodputs.push((load.bytes * 8) / load.ms / 1e3)
      seen[phase].latencies.push(...load.latencies)
      if (phase !== 'here') continue
      sent += done.sent
      seconds += done.seconds
    }
  }
  const after = (await victim.ask()) as VictimAnswer
  if (settings.tell) process.stdout.write(`${plan.name} ${inspect({ closes: after.closes, stats: after.stats })}\n`)
  if (after.thrown.length > 0) throw new Error(`${plan.name}: ${after.thrown[0]}`)
  const figure = (metric: string, value: number, unit: string): Figure => ({ name: plan.name, metric, value, unit })
  const bulk = (phase: Phase): number => median(seen[phase].goodputs)
  const p99 = (phase: Phase): number => percentile(seen[phase].latencies, 0.99)
  return [
    figure('kept', bulk('here') / bulk('elsewhere'), 'ratio'),
    figure('kept_of_quiet', bulk('here') / bulk('quiet'), 'ratio'),
    figure('bulk_quiet', bulk('quiet'), 'Mbit/s'),
    figure('bulk_here', bulk('here'), 'Mbit/s'),
    figure('urgent_p99_quiet', p99('quiet'), 'ms'),
    figure('urgent_p99_elsewhere', p99('elsewhere'), 'ms'),
    figure('urgent_p99', p99('here'), 'ms'),
    figure('attack_rate', sent / seconds, '1/s'),
    figure('hostile_connections', after.hostileConnections - before.hostileConnections, '1'),
    figure('rss_growth', (after.residentBytes - before.residentBytes) / 2 ** 20, 'MiB'),
  ]
}

const WARM_UP_MS = 1_000
/** From the beginning of a phase until it is measured. */
const MARGIN_MS = 300
