import { genkey, pubkey } from './keys.js'
import { ping } from './ping.js'
import { pong } from './pong.js'
import { type Terminal, teller } from './terminal.js'
import { UsageError } from './usage-error.js'

/** Runs one command line and gives the status to exit with: 0 done, 1 failed, 2 not understood. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name = 'help', ...args] = commandFirst(argv)
  if (name === 'help' || argv.some((argument) => argument === '--help' || argument === '-h')) {
    terminal.stdout.write(USAGE)
    return 0
  }
  if (name === '--version' || name === '-v') {
    const { version } = require('../../package.json') as { version: string }
    terminal.stdout.write(`${version}\n`)
    return 0
  }
  const command = COMMANDS.get(name)
  try {
    if (command === undefined) throw new UsageError(`there is no command '${name}'`)
    return await command(args, terminal)
  } catch (error) {
    if (terminal.gone?.aborted) return 1
    return report(error, args.includes('--json'), terminal)
  }
}

/** The command line with its command in front, where options stand before that. */
function commandFirst(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((argument) => COMMANDS.has(argument))
  if (at <= 0 || !argv[0]?.startsWith('-')) return argv
  return [...argv.slice(at, at + 1), ...argv.slice(0, at), ...argv.slice(at + 1)]
}

function report(error: unknown, isJson: boolean, terminal: Terminal): number {
  const { message, code } = error as Error & { readonly code?: unknown }
  if (error instanceof UsageError || (typeof code === 'string' && USAGE_CODE.test(code))) {
    terminal.stderr.write(`warren: ${message}\n${USAGE}`)
    return 2
  }
  if (isJson) teller(terminal, isJson)({ type: 'failed', code, message }, message)
  terminal.stderr.write(`warren: ${message}${code === undefined ? '' : ` [${String(code)}]`}\n`)
  return 1
}

const COMMANDS: ReadonlyMap<string, (args: readonly string[], terminal: Terminal) => Promise<number>> = new Map([
  ['genkey', genkey],
  ['pubkey', pubkey],
  ['ping', ping],
  ['pong', pong],
])

const USAGE = `Usage:
  warren genkey                           print a new private key
  warren pubkey                           print the public key of the private key on standard input
  warren pong [options]                   answer pings; prints the command that pings it
    --listen <port>                         UDP port (default: a free one)
    --allow <public key>                    answer this key, and others so named (default: all)
  warren ping <public key>@<host:port>    connect, and measure round trips
    --count <n>                             how many (default 5)
    --interval <ms>                         from one to the next, and how long to wait for the last (default 1000)
    --size <bytes>                          of each, 4 to 1342 (default 56)
    --timeout <ms>                          for connecting (default 10000)
  warren --version                        print the version
  The key of ping and pong: --key-file <path>, or WARREN_PRIVATE_KEY, or a new one.
  --json, of every command: print each fact as one line of JSON.
  Status: 0 if all went well, 1 if not, 2 if the command line was not understood.
`

/** The codes of `parseArgs`, and of an endpoint whose host name breaks the rules. */
const USAGE_CODE = /^ERR_(?:PARSE_ARGS|WARREN_INVALID_ENDPOINT)/
