import { describe, expect, it } from '@jest/globals'
import { Generator } from '../generator.js'
import { type Node, PHASES, Rolling } from './rolling.js'
import type { VirtualWorldOptions } from './virtual-world.js'

const LAST = PHASES.length - 1
const NODES = 8

/** As many as fit into a run of all tests; all of them with `WARREN_SLOW=1`. */
const isSlow = process.env.WARREN_SLOW === '1'
const SEEDS = isSlow ? 100 : 3
const FEW = isSlow ? 20 : 1

function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, seed) => seed)
}

function shuffled<T>(items: readonly T[], random: Generator): T[] {
  const left = [...items]
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T)
}

/** Rolls all nodes through the phases and back, in random order within each, with something after each step. */
async function roll(
  options: VirtualWorldOptions,
  after: (rolling: Rolling, node: Node, before: number, random: Generator) => Promise<void> = async () => undefined,
): Promise<void> {
  const { seed } = options
  const rolling = new Rolling(options)
  const random = new Generator(seed + 1_000)
  try {
    await rolling.start(NODES)
    const up = Array.from({ length: LAST }, (_, index) => index + 1)
    for (const phase of [...up, ...up.map((each) => LAST - each)]) {
      for (const node of shuffled(rolling.nodes, random)) {
        const before = node.phase
        rolling.turn(node, phase)
        await rolling.world.advance(random.below(60))
        await after(rolling, node, before, random)
      }
      await rolling.world.advance(random.below(400))
    }
    await rolling.drain()
    expect({ seed, faults: rolling.faults.slice(0, 10) }).toEqual({ seed, faults: [] })
    expect(rolling.sent).toBeGreaterThan(1_000)
  } finally {
    await rolling.stop()
  }
}

describe('eight nodes that roll in random order under load lose nothing, double nothing and are never apart', () => {
  it.each(seeds(SEEDS))('seed %i', (seed) => roll({ seed }), 120_000)

  it.each(seeds(FEW))('over links that lose, seed %i', (seed) => roll({ seed, loss: 0.05, delay: 5 }), 240_000)

  it.each(seeds(FEW))(
    'with a rollback at each step, seed %i',
    (seed) =>
      roll({ seed }, async (rolling, node, before, random) => {
        const phase = node.phase
        rolling.turn(node, before)
        await rolling.world.advance(random.below(30))
        rolling.turn(node, phase)
      }),
    240_000,
  )

  it.each(seeds(FEW))(
    'with a crash at each step, seed %i',
    (seed) =>
      roll({ seed }, async (rolling, node, _before, random) => {
        rolling.kill(random.flag() ? node : random.of(rolling.nodes))
        await rolling.world.advance(random.below(300))
        for (const down of rolling.nodes.filter(({ isUp }) => !isUp)) await rolling.restart(down)
      }),
    480_000,
  )
})
