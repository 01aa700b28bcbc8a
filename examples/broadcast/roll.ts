import { randomInt } from 'node:crypto'
import type { ProtocolsOption } from 'warren'
import { now, until } from './clock.js'
import type { Member, Network } from './network.js'
import { VERSIONS } from './versions.js'

const [OLD, NEW] = VERSIONS

/** A phase of an upgrade: see `docs/upgrading.md`. */
export interface Phase {
  readonly name: string
  readonly protocols: ProtocolsOption
}

/** The way from the old version to the new one. The way back is the same, from the end. */
export const PHASES: readonly Phase[] = [
  { name: 'the old version alone', protocols: [OLD] },
  { name: 'accept both', protocols: { offer: [OLD], accept: [OLD, NEW] } },
  { name: 'prefer the old one', protocols: [OLD, NEW] },
  { name: 'prefer the new one', protocols: [NEW, OLD] },
  { name: 'the new version alone', protocols: [NEW] },
]

/** Events of a roll, for whoever makes it harder. */
export interface RollEvents {
  /** A phase begins. */
  phase(phase: Phase): void
  /** A node has just entered a phase from another one: `step` counts all such turns, from 0. */
  turned(member: Member, from: Phase | undefined, phase: Phase, step: number): Promise<void>
}

/**
 * Leads all nodes through phases, one node after the other, each time in another order.
 *
 * A phase begins when all nodes are in the one before: an operator of a real network waits for that, and asks `canClose`.
 */
export async function roll(
  network: Network,
  phases: readonly Phase[],
  pauseMs: number,
  events: RollEvents,
): Promise<void> {
  let step = 0
  let before: Phase | undefined
  for (const phase of phases) {
    events.phase(phase)
    for (const member of shuffled(network.members)) {
      // It may have been killed since the phase began.
      if (member.state !== 'up') continue
      speak(network, member, phase)
      await events.turned(member, before, phase, step)
      step += 1
      await until(now() + pauseMs)
    }
    before = phase
  }
}

/** One call in the node, which goes on running. */
export function speak(network: Network, member: Member, { protocols }: Phase): void {
  network.tell({ type: 'speak', protocols }, [member])
}

function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items]
  return items.map(() => left.splice(randomInt(left.length), 1)[0] as T)
}
