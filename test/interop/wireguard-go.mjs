import { execFileSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CommandProcess } from './command-process.mjs'
import { parseConfiguration } from './configuration.mjs'
import { BUILT, exclusively } from './exclusively.mjs'

const sources = fileURLToPath(new URL('wireguard-go', import.meta.url))
const program = `${BUILT}/wireguard-go`

/**
 * Builds the Go program, or says aloud why not: the answer is the reason to skip, `false` when it is built.
 * With WARREN_REQUIRE_GO=1, as in CI, what is missing is an error.
 */
export function missingWireguardGo() {
  try {
    exclusively('wireguard-go', build)
    return false
  } catch (error) {
    const reason = error.code === 'ENOENT' ? 'Go is not installed' : (error.stderr?.trim() ?? error.message)
    const message = `wireguard-go, the foreign peer, cannot be built: ${reason}`
    if (process.env.WARREN_REQUIRE_GO === '1') throw new Error(message, { cause: error })
    console.error(`\nINTEROP IS SKIPPED. ${message}\n`)
    return message
  }
}

/** Renamed when whole: another test file may be running it. */
function build() {
  const built = `${program}.${process.pid}`
  execFileSync('go', ['build', '-mod=readonly', '-o', built, '.'], {
    cwd: sources,
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  renameSync(built, program)
}

/** One running wireguard-go device with one peer, as `Tunnel` takes it. Make it with `start`, end it with `stop`. */
export class WireguardGo {
  static title = 'wireguard-go'
  /** Whether its rx_bytes grow by keepalives. */
  static countsKeepalives = true
  /** Whether `handshakes` has each. */
  static tellsHandshakes = true
  /** Whether it may follow a handshake that it began with another, 5 s later. */
  static repeatsHandshakes = true

  /**
   * `options` are the program's own: privateKey, peer (its public key), addresses and allowedIPs (lists), and where
   * wanted endpoint, listen, presharedKey, keepalive (seconds).
   */
  static async start(options) {
    const device = new WireguardGo(options)
    const { port } = await device.#program.ready()
    device.port = port
    return device
  }

  /** When it completed handshakes, on either side's initiative, to some 50 ms: `performance.now()`. */
  handshakes = []
  port = 0

  #program

  constructor({ addresses, allowedIPs, ...options }) {
    const flags = Object.entries({ ...options, addresses: addresses.join(), 'allowed-ips': allowedIPs.join() })
    const args = flags.map(
      ([name, value]) => `-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
    )
    this.#program = new CommandProcess('wireguard-go', [program, ...args], ({ event }) => {
      if (event === 'handshake') this.handshakes.push(performance.now())
    })
  }

  /** Sends one echo request to the inner address `to`: how long the reply took, in milliseconds. Rejects if none came. */
  async ping(to, { size = 56, timeout = 20_000 } = {}) {
    try {
      return (await this.#program.ask({ command: 'ping', address: to, size, timeout })).ms
    } catch (error) {
      throw new Error(`no echo from ${to} within ${timeout} ms`, { cause: error })
    }
  }

  /** Sends a stream from its own inner address to another, both as 'ip:port'. */
  async send({ from, to, packets, size, timeout = 30_000 }) {
    await this.#program.ask({ command: 'send', from, to, packets, size, timeout })
  }

  /** Begins to receive a stream at its own 'ip:port'; gives the function that tells what has arrived. */
  async receive(at) {
    await this.#program.ask({ command: 'receive', at })
    return async () => (await this.#program.ask({ command: 'received', at })).received
  }

  /** Forgets every session and starts again with the same key on the same port. */
  async restart() {
    await this.#program.ask({ command: 'restart' })
  }

  /** Goes on from another UDP port. */
  async rebind() {
    this.port = (await this.#program.ask({ command: 'rebind' })).port
  }

  /** What it tells of itself and of its peer, by the names of WireGuard's configuration protocol. */
  async configuration() {
    return parseConfiguration((await this.#program.ask({ command: 'get' })).text)
  }

  async stop() {
    await this.#program.stop()
  }
}
