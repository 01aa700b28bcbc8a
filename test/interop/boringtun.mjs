import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CommandProcess } from './command-process.mjs'
import { formatConfiguration, parseConfiguration } from './configuration.mjs'
import { BUILT, exclusively } from './exclusively.mjs'
import { Namespace } from './namespace.mjs'

const VERSION = '0.7.1'
const program = `${BUILT}/bin/boringtun-cli`

/**
 * Installs boringtun-cli (two minutes, once), or says aloud why not: the answer is the reason to skip, `false` when all is
 * there. With WARREN_REQUIRE_BORINGTUN=1, as in CI, what is missing is an error.
 */
export function missingBoringtun() {
  try {
    if (process.getuid?.() !== 0) throw new Error('a network namespace needs root')
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    execFileSync('ping', ['-V'], { stdio: 'ignore' })
    Namespace.probe()
    exclusively('boringtun-cli', install)
    return false
  } catch (error) {
    const message = `boringtun-cli, a foreign peer, cannot run: ${error.stderr?.toString().trim() || error.message}`
    if (process.env.WARREN_REQUIRE_BORINGTUN === '1') throw new Error(message, { cause: error })
    console.error(`\nINTEROP IS SKIPPED. ${message}\n`)
    return message
  }
}

function install() {
  if (existsSync(program) && execFileSync(program, ['--version'], { encoding: 'utf8' }).includes(VERSION)) return
  const flags = ['--quiet', '--locked', '--version', VERSION, '--root', BUILT]
  execFileSync('cargo', ['install', ...flags, 'boringtun-cli'], { stdio: ['ignore', 'ignore', 'pipe'] })
}

/**
 * One running boringtun-cli with one peer, as `withTunnel` takes it. Make it with `start`, end it with `stop`.
 *
 * Its interface is moved into a namespace of its own, so that the kernel there is a host behind the tunnel; its UDP sockets
 * stay where it was started, on the loopback that warren uses.
 */
export class Boringtun {
  static title = 'boringtun-cli'
  static countsKeepalives = false
  static tellsHandshakes = false
  static repeatsHandshakes = false

  /** `options`: privateKey, peer, addresses, allowedIPs, and where wanted endpoint, presharedKey, keepalive. */
  static async start(options) {
    const device = new Boringtun(options, await Namespace.make())
    await device.#open(0)
    device.#kernel = new CommandProcess('the kernel', device.#namespace.command(process.execPath, KERNEL_END))
    await device.#kernel.ready()
    return device
  }

  /** When it completed handshakes, to a second, as far as it was asked: see `configuration`. */
  handshakes = []
  port = 0

  #options
  #namespace
  #process
  #kernel

  constructor(options, namespace) {
    this.#options = options
    this.#namespace = namespace
  }

  /** The namespace's own ping(8) or ping6: how long the reply took, in milliseconds. Rejects if none came. */
  async ping(to, { size = 56, timeout = 20_000 } = {}) {
    const began = performance.now()
    const args = ['-n', '-q', '-c', '1', '-W', String(timeout / 1000), '-s', String(size), to]
    const printed = await this.#namespace.run('ping', ...args).catch((error) => {
      throw new Error(`no echo from ${to} within ${timeout} ms`, { cause: error })
    })
    if (!printed.includes(' 1 received')) throw new Error(`ping said: ${printed}`)
    return performance.now() - began
  }

  /** Sends a stream from its own inner address to another, both as 'ip:port'. */
  async send({ from, to, packets, size, timeout = 30_000 }) {
    await this.#kernel.ask({ command: 'send', from, to, packets, size, timeout })
  }

  /** Begins to receive a stream at its own 'ip:port'; gives the function that tells what has arrived. */
  async receive(at) {
    await this.#kernel.ask({ command: 'receive', at })
    return async () => (await this.#kernel.ask({ command: 'received', at })).received
  }

  /** Ends the process, and with it every session, and starts again with the same key on the same port. */
  async restart() {
    await this.#close()
    await this.#open(this.port)
  }

  /** Goes on from another UDP port. */
  async rebind() {
    await this.#ask('set=1\nlisten_port=0\n\n')
    this.port = Number((await this.configuration()).listen_port)
  }

  /** What it tells of itself and of its peer, by the names of WireGuard's configuration protocol. */
  async configuration() {
    const told = parseConfiguration(await this.#ask('get=1\n\n'))
    // It tells how long ago the last handshake was, not when.
    const ago = Number(told.last_handshake_time_sec) * 1000 + Number(told.last_handshake_time_nsec) / 1e6
    const at = performance.now() - ago
    if (ago >= 0 && !(at - this.handshakes.at(-1) < 1_000)) this.handshakes.push(at)
    return told
  }

  async stop() {
    await this.#kernel?.stop()
    await this.#close()
    await this.#namespace.remove()
  }

  async #open(listen) {
    const { name } = this.#namespace
    const flags = ['--foreground', '--disable-drop-privileges', '--disable-multi-queue', '--verbosity', 'error', name]
    // It tells of each datagram that it drops.
    this.#process = spawn(program, flags, { stdio: 'ignore' })
    const ended = once(this.#process, 'exit').then(([code, signal]) => {
      throw new Error(`boringtun-cli ended with ${code ?? signal}`)
    })
    ended.catch(() => {})
    const listening = async () => {
      while (!existsSync(this.#socket) || !(await this.#ask('get=1\n\n').catch(() => ''))) await wait(20)
    }
    await Promise.race([listening(), ended])
    // A packet from the interface before it has a port would end it.
    await this.#ask(`set=1\n${formatConfiguration({ ...this.#options, listen })}\n\n`)
    this.port = Number((await this.configuration()).listen_port)
    await this.#moveInterface()
  }

  async #moveInterface() {
    const { name } = this.#namespace
    await this.#namespace.adopt(name)
    for (const address of this.#options.addresses) {
      const own = address.includes(':') ? [`${address}/64`, 'dev', name, 'nodad'] : [`${address}/24`, 'dev', name]
      await this.#namespace.ip('address', 'add', ...own)
    }
    await this.#namespace.ip('link', 'set', name, 'mtu', '1420', 'up')
  }

  async #close() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    const killing = setTimeout(() => this.#process.kill('SIGKILL'), 3_000)
    await ended
    clearTimeout(killing)
  }

  get #socket() {
    return `/var/run/wireguard/${this.#namespace.name}.sock`
  }

  async #ask(command) {
    const socket = connect(this.#socket)
    socket.end(command)
    const answer = await text(socket)
    if (!answer.includes('errno=0')) throw new Error(`boringtun-cli answered ${command.split('\n')[1]} with ${answer}`)
    return answer
  }
}

const KERNEL_END = fileURLToPath(new URL('kernel-end.mjs', import.meta.url))
