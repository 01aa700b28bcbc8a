import { execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, renameSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('wireguard-go', import.meta.url))
const program = fileURLToPath(new URL('../../target/interop/wireguard-go', import.meta.url))

/**
 * Builds the Go program, or says aloud why not: the answer is the reason to skip, `false` when it is built.
 * With WARREN_REQUIRE_GO=1, as in CI, what is missing is an error.
 */
export function missingWireguardGo() {
  try {
    mkdirSync(fileURLToPath(new URL('../../target/interop', import.meta.url)), { recursive: true })
    // Renamed when whole: another test file may be building or running it.
    const built = `${program}.${process.pid}`
    execFileSync('go', ['build', '-mod=readonly', '-o', built, '.'], {
      cwd: sources,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
    renameSync(built, program)
    return false
  } catch (error) {
    const reason = error.code === 'ENOENT' ? 'Go is not installed' : (error.stderr?.trim() ?? error.message)
    const message = `wireguard-go, the foreign peer, cannot be built: ${reason}`
    if (process.env.WARREN_REQUIRE_GO === '1') throw new Error(message, { cause: error })
    console.error(`\nINTEROP IS SKIPPED. ${message}\n`)
    return message
  }
}

/** A Curve25519 key pair as WireGuard writes it: base64 of 32 bytes. */
export function keyPair() {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (text) => Buffer.from(text, 'base64url').toString('base64')
  return { privateKey: base64(d), publicKey: base64(x) }
}

/** One running wireguard-go device with one peer. Make it with `WireguardGo.start`, end it with `stop`. */
export class WireguardGo {
  /**
   * `options` are the program's own: privateKey, peer (its public key), addresses and allowedIPs (lists), and where
   * wanted endpoint, listen, presharedKey, keepalive (seconds).
   */
  static async start(options) {
    const device = new WireguardGo(options)
    await device.#answer('ready')
    return device
  }

  /** How many handshakes it has completed, on either side's initiative. */
  handshakes = 0
  port = 0

  #process
  #ended
  #end
  #events = []
  #waiting = []
  #nextId = 1

  constructor({ addresses, allowedIPs, ...options }) {
    const flags = Object.entries({ ...options, addresses: addresses.join(), 'allowed-ips': allowedIPs.join() })
    const args = flags.map(
      ([name, value]) => `-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
    )
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#told(JSON.parse(line)))
    this.#process.stdin.on('error', () => {}) // it has ended, which is told below
    this.#ended = once(this.#process, 'exit').then(([code, signal]) => {
      this.#end = new Error(`wireguard-go ended with ${code ?? signal}`)
      for (const { reject } of this.#waiting.splice(0)) reject(this.#end)
    })
  }

  /** Sends one echo request to the inner address `to`: how long the reply took, in milliseconds. Rejects if none came. */
  async ping(to, { size = 56, timeout = 5_000 } = {}) {
    const id = this.#send({ command: 'ping', to, size, timeout })
    const { event, ms, reason } = await this.#answer('pong', 'lost', id)
    if (event === 'lost') throw new Error(`wireguard-go got no echo from ${to}: ${reason}`)
    return ms
  }

  /** Forgets every session and starts again with the same key on the same port. */
  async restart() {
    const id = this.#send({ command: 'restart' })
    await this.#answer('restarted', 'restarted', id)
  }

  async stop() {
    this.#process.stdin.end()
    await this.#ended
  }

  #send(command) {
    const id = this.#nextId++
    this.#process.stdin.write(`${JSON.stringify({ ...command, id })}\n`)
    return id
  }

  #answer(name, otherName = name, id = undefined) {
    const isIt = (event) => (event.event === name || event.event === otherName) && event.id === id
    const early = this.#events.findIndex(isIt)
    if (early >= 0) return Promise.resolve(this.#events.splice(early, 1)[0])
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => this.#waiting.push({ isIt, resolve, reject }))
  }

  #told(event) {
    if (event.port !== undefined) this.port = event.port
    if (event.event === 'handshake') {
      this.handshakes++
      return
    }
    const index = this.#waiting.findIndex(({ isIt }) => isIt(event))
    if (index < 0) this.#events.push(event)
    else this.#waiting.splice(index, 1)[0].resolve(event)
  }
}
