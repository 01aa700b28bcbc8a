import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import type { World } from '../../../lib/drivers/world.js'
import type { Clock } from '../../../lib/waiting/clock.js'
import { Generator } from '../generator.js'

/** Options of a virtual network. */
export interface VirtualWorldOptions {
  readonly seed: number
  /** Milliseconds of one way. */
  readonly delay?: number
  /** The part of datagrams that is lost, 0 to 1. */
  readonly loss?: number
}

/** One clock, and sockets in memory: devices in it take no time, and do the same again with the same seed. */
export class VirtualWorld implements World {
  readonly clock: Clock
  readonly random: Generator
  readonly #sockets = new Map<number, VirtualSocket>()
  readonly #options: Required<VirtualWorldOptions>
  readonly #due = new Map<number, Set<() => void>>()
  /** Instants at which something is due, in order. */
  #instants: number[] = []
  /** Whether a datagram gets there, as the test has it. */
  carries: (from: number, to: number) => boolean = () => true
  #now = 1_000
  #nextPort = 10_000

  constructor(options: VirtualWorldOptions) {
    this.#options = { delay: 1, loss: 0, ...options }
    this.random = new Generator(options.seed)
    this.clock = {
      now: () => this.#now,
      date: () => 1_800_000_000_000 + this.#now,
      random: () => this.random.below(1_000_000) / 1_000_000,
      after: (milliseconds, callback) => this.#after(milliseconds, callback),
    }
  }

  readonly uptime = (): number => this.#now

  readonly soon = (callback: () => void): void => {
    this.#after(TURN, callback)
  }

  readonly bind = async (_host: string | undefined, port: number): Promise<Socket> => {
    const socket = new VirtualSocket(port === 0 ? this.#nextPort++ : port, (...datagram) => this.#carry(...datagram))
    this.#sockets.set(socket.port, socket)
    return socket as unknown as Socket
  }

  /** Nothing leaves or arrives at this port any more: its process was killed. */
  cut(port: number): void {
    const socket = this.#sockets.get(port)
    if (socket !== undefined) socket.isCut = true
    this.#sockets.delete(port)
  }

  /** Lets time pass, and everything happen that is due meanwhile. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await settled()
    for (let next = this.#instants[0]; next !== undefined && next <= end; next = this.#instants[0]) {
      this.#now = Math.max(this.#now, next)
      this.#instants.shift()
      const callbacks = this.#due.get(next) ?? []
      this.#due.delete(next)
      for (const callback of callbacks) callback()
      await settled()
    }
    this.#now = end
  }

  /** Lets time pass until something is so, up to a limit. */
  async until(isTrue: () => boolean, limit: number, what: string): Promise<void> {
    const end = this.#now + limit
    while (!isTrue()) {
      if (this.#now > end) throw new Error(`not within ${limit} ms: ${what}`)
      await this.advance(5)
    }
  }

  #after(milliseconds: number, callback: () => void): { cancel(): void } {
    const at = this.#now + Math.max(0, milliseconds)
    const callbacks = this.#due.get(at) ?? this.#newInstant(at)
    const entry = (): void => callback()
    callbacks.add(entry)
    return { cancel: () => void callbacks.delete(entry) }
  }

  #newInstant(at: number): Set<() => void> {
    const callbacks = new Set<() => void>()
    this.#due.set(at, callbacks)
    let [low, high] = [0, this.#instants.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#instants[middle] as number) < at) low = middle + 1
      else high = middle
    }
    this.#instants.splice(low, 0, at)
    return callbacks
  }

  #carry(from: number, to: number, bytes: Buffer): void {
    const { delay, loss } = this.#options
    if (!this.carries(from, to)) return
    if (loss > 0 && this.random.below(10_000) < loss * 10_000) return
    this.#after(delay, () => {
      const remote = { address: '127.0.0.1', family: 'IPv4', port: from, size: bytes.length }
      this.#sockets.get(to)?.emit('message', bytes, remote)
    })
  }
}

/** A socket of node:dgram, as far as the script driver uses one. */
class VirtualSocket extends EventEmitter {
  readonly port: number
  isCut = false
  readonly #carry: (from: number, to: number, bytes: Buffer) => void

  constructor(port: number, carry: (from: number, to: number, bytes: Buffer) => void) {
    super()
    this.port = port
    this.#carry = carry
  }

  address(): { address: string; family: string; port: number } {
    return { address: '127.0.0.1', family: 'IPv4', port: this.port }
  }

  send(bytes: Buffer, start: number, length: number, port: number, _host: string, done: (error: null) => void): void {
    if (!this.isCut) this.#carry(this.port, port, Buffer.from(bytes.subarray(start, start + length)))
    queueMicrotask(() => done(null))
  }

  close(done?: () => void): void {
    this.isCut = true
    if (done !== undefined) queueMicrotask(done)
  }

  ref(): void {}

  unref(): void {}
}

/** All promises that can settle have. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A turn of the event loop takes time: a deadline between two milliseconds is waited for in turns. */
const TURN = 0.25
