/** `npm run bench -- <name> [options]`: one program per question. */

import { parseArgs } from 'node:util'
import { dial } from './dial.js'
import { print } from './figures.js'
import { flood } from './flood.js'
import { hostile, hostileQuestion } from './hostile/program.js'
import { neighbours } from './neighbours.js'
import { withPair } from './pair.js'
import { priority, priorityQuestion } from './priority/program.js'
import type { Options, Program } from './program.js'
import { stream } from './stream.js'
import { suite } from './suite/program.js'
import { urgent } from './urgent.js'

const programs: readonly Program[] = [stream, urgent, dial, neighbours, flood]

const help = `Usage: npm run bench -- [name] [options]

${programs.map(({ name, question }) => `  ${name.padEnd(11)}${question}`).join('\n')}

  hostile    ${hostileQuestion}
  priority   ${priorityQuestion}

Without a name, the whole suite beside its peers: \`npm run bench -- --help\`. \`hostile --help\` and \`priority --help\` tell their own options.

  --seconds N      how long each measurement lasts (default 5)
  --uplink MBIT    give the sender an uplink, in Mbit/s (default: none)
  --driver NAME    native (default) or script
`

async function main(): Promise<void> {
  if (process.argv[2] === undefined || process.argv[2].startsWith('--')) {
    process.exitCode = await suite(process.argv.slice(2))
    return
  }
  if (process.argv[2] === 'priority' || process.argv[2] === 'hostile') {
    process.exitCode = await { priority, hostile }[process.argv[2]](process.argv.slice(3))
    return
  }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '5' },
      uplink: { type: 'string' },
      driver: { type: 'string', default: 'native' },
      help: { type: 'boolean', default: false },
    },
  })
  const chosen = programs.filter(({ name }) => positionals.includes(name))
  if (values.help || chosen.length < positionals.length) {
    process.stdout.write(help)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const options: Options = {
    seconds: Number(values.seconds),
    uplink: values.uplink === undefined ? undefined : Number(values.uplink) * 1e6,
    driver: values.driver === 'script' ? 'script' : 'native',
  }
  for (const program of chosen) print(program.question, await withPair(program, options))
}

void main()
