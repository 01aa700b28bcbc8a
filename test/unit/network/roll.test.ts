import { describe, expect, it } from '@jest/globals'
import { Generator } from '../generator.js'
import { type Node, PHASES, Rolling } from './rolling.js'

const LAST = PHASES.length - 1
const NODES = 8

/** As many as fit into a run of all tests; all hundred of them with `WARREN_SLOW=1`. */
const SEEDS = process.env.WARREN_SLOW === '1' ? 100 : 4

function shuffled<T>(items: readonly T[], random: Generator): T[] {
  const left = [...items]
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T)
}

/** Rolls all nodes through the phases, in random order within each, with something in between. */
async function roll(seed: number, between: (rolling: Rolling, node: Node, random: Generator) => Promise<void>) {
  const rolling = new Rolling({ seed })
  const random = new Generator(seed + 1_000)
  try {
    await rolling.start(NODES)
    const up = Array.from({ length: LAST }, (_, index) => index + 1)
    for (const phase of [...up, ...up.map((each) => LAST - each)]) {
      for (const node of shuffled(rolling.nodes, random)) {
        rolling.turn(node, phase)
        await rolling.world.advance(random.below(60))
        await between(rolling, node, random)
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

describe('eight nodes that roll in random order under load', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
    'lose nothing, double nothing and are never apart (seed %i)',
    (seed) => roll(seed, async () => undefined),
    120_000,
  )
})
