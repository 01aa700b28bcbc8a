// Work that a datagram costs both engines, in figures that repeat on a busy machine too: `npm run costs`. It fails where one is
// above its bound. Allocations are counted anywhere; instructions on x86-64 with Valgrind, which `WARREN_REQUIRE_VALGRIND=1` demands.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './build/root.mjs'
import { run } from './step.mjs'

/**
 * Most of each, by load; a tenth above what was measured. Of a thousand instructions some 400 are ChaCha20-Poly1305, twice. A datagram of
 * `small` holds six messages of 200 bytes. Allocations are mostly quinn-proto's and those of events.
 */
const BOUNDS = {
  stream: { instructions: 37_200, allocations: 0.66 },
  messages: { instructions: 35_600, allocations: 0.51 },
  small: { instructions: 133_500, allocations: 61 },
  datagrams: { instructions: 33_300, allocations: 0.43 },
}
/** Two runs whose difference is free of what connecting costs. */
const ROUNDS = [200, 600]

const program = join(root, 'target/release/examples/costs')
const built = await run('cargo', ['build', '--release', '--quiet', '-p', 'warren-engine', '--example', 'costs'])
if (built.code !== 0) process.exit(1)

const counts = process.arch === 'x64' && spawnSync('valgrind', ['--version']).status === 0
if (!counts && process.env.WARREN_REQUIRE_VALGRIND === '1') {
  console.error('Instructions cannot be counted: there is no Valgrind, or this is not x86-64.')
  process.exit(1)
}
if (!counts) console.log('skipped: instructions (Valgrind, on x86-64)')

console.log('load\tfigure\ta datagram\tat most')
let failed = false
for (const [load, bounds] of Object.entries(BOUNDS)) {
  const [less, more] = await Promise.all(ROUNDS.map((rounds) => measure(load, rounds)))
  for (const [figure, most] of Object.entries(bounds)) {
    if (figure === 'instructions' && !counts) continue
    const each = (more[figure] - less[figure]) / (more.datagrams - less.datagrams)
    const digits = each < 100 ? 2 : 0
    console.log(`${load}\t${figure}\t${each.toFixed(digits)}\t${most}${each > most ? '\tTOO MANY' : ''}`)
    failed ||= !(each <= most)
  }
}
process.exitCode = failed ? 1 : 0

async function measure(load, rounds) {
  const valgrind = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']
  const [command, ...args] = [...(counts ? valgrind : []), program, load, String(rounds)]
  const { code, output } = await run(command, args, { quiet: true })
  if (code !== 0) throw new Error(`${load} failed:\n${output}`)
  const number = (pattern) => Number(pattern.exec(output)?.[1])
  return {
    datagrams: number(/(\d+) datagrams/),
    allocations: number(/(\d+) allocations/),
    instructions: number(/Collected : (\d+)/),
  }
}
