import type { Buffer } from 'node:buffer'
import type { RemoteInfo, Socket } from 'node:dgram'
import { log } from '../events/log.js'
import { type Clock, LONGEST_TIMER } from '../waiting/clock.js'
import type { World } from './world.js'

// Those of the moment of import: a user's fake timers do not stop tunnels.
const { setInterval, clearInterval } = globalThis

/** Receiver of a socket's events. */
export interface UdpReceiver {
  message(bytes: Buffer, from: RemoteInfo): void
  /** Reading failed once. */
  readFailed(error: NodeJS.ErrnoException): void
  rebound(): void
  /** Reading fails on and on, though the socket was bound anew. Nothing follows. */
  lost(error: NodeJS.ErrnoException): void
}

/** A bound UDP socket. One that fails to be read on and on is closed, which alone stops node:dgram, and bound anew after a pause. */
export class UdpSocket {
  readonly address: { readonly host: string; readonly port: number }
  readonly isIPv6: boolean
  readonly #bind: () => Promise<Socket>
  readonly #clock: Clock
  #receiver: UdpReceiver | undefined
  /** `undefined`: closed, or about to be bound anew. */
  #socket: Socket | undefined
  #isClosed = false
  #isRef = true
  /** Failures with no message in between. */
  #failures = 0
  #failingSince = 0
  #lastFailure = Number.NEGATIVE_INFINITY
  #pause = 1

  constructor(socket: Socket, clock: Clock, bind: (port: number) => Promise<Socket>) {
    const { address, port, family } = socket.address()
    this.address = { host: address, port }
    this.isIPv6 = family === 'IPv6'
    this.#bind = () => bind(port)
    this.#clock = clock
    this.#use(socket)
  }

  static async bind(
    host: string | undefined,
    port: number,
    { clock, bind }: Pick<World, 'clock' | 'bind'>,
  ): Promise<UdpSocket> {
    return new UdpSocket(await bind(host, port), clock, (again) => bind(host, again))
  }

  /** Tells `receiver` from now on. */
  tell(receiver: UdpReceiver): void {
    this.#receiver = receiver
  }

  /** False: there is no socket now, and `done` is not called. */
  send(
    bytes: Buffer,
    start: number,
    length: number,
    port: number,
    host: string,
    done: (error: Error | null) => void,
  ): boolean {
    if (this.#socket === undefined) return false
    this.#socket.send(bytes, start, length, port, host, done)
    return true
  }

  ref(): void {
    this.#isRef = true
    this.#socket?.ref()
  }

  unref(): void {
    this.#isRef = false
    this.#socket?.unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const socket = this.#socket
    this.#socket = undefined
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(resolve))
  }

  #use(socket: Socket): void {
    this.#socket = socket
    if (!this.#isRef) socket.unref()
    socket.on('message', (bytes, from) => {
      this.#failures = 0
      this.#receiver?.message(bytes, from)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#receiver?.readFailed(error)
      if (socket === this.#socket && !REPORTS.has(error.code ?? '')) this.#failed(error)
    })
  }

  #failed(error: NodeJS.ErrnoException): void {
    const now = this.#clock.now()
    if (this.#failures === 0 || now - this.#lastFailure > OVER_AFTER) {
      this.#failures = 0
      this.#failingSince = now
      this.#pause = 1
    }
    this.#failures += 1
    this.#lastFailure = now
    if (this.#failures < AT_ONCE) return
    void this.#bindLater(error)
  }

  async #bindLater(error: NodeJS.ErrnoException): Promise<void> {
    const keepAlive = this.#isRef ? setInterval(nothing, LONGEST_TIMER) : undefined
    try {
      await this.#bindAnew(error)
    } finally {
      clearInterval(keepAlive)
    }
  }

  async #bindAnew(error: NodeJS.ErrnoException): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(resolve))
    await new Promise<void>((resolve) => this.#clock.after(this.#pause, resolve))
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
    if (this.#isClosed) return
    if (this.#clock.now() - this.#failingSince >= FAILS_FOR) {
      this.#isClosed = true
      this.#receiver?.lost(error)
      return
    }
    try {
      const bound = await this.#bind()
      if (this.#isClosed) {
        bound.close()
        return
      }
      this.#use(bound)
      log.io?.(`socket of port ${this.address.port} bound anew after ${error.message}`)
      this.#receiver?.rebound()
    } catch (bindError) {
      this.#lastFailure = this.#clock.now()
      await this.#bindAnew(bindError as NodeJS.ErrnoException)
    }
  }
}

const nothing = (): void => {}

/** Errors by ICMP about a datagram that was sent earlier, where the system tells them: anyone can forge them. */
const REPORTS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'EMSGSIZE'])

/** As in `native/io`: failures before the first pause, the longest pause in milliseconds, and how long nothing else is borne. */
const AT_ONCE = 32
const LONGEST_PAUSE = 1_000
const FAILS_FOR = 10_000

/** A socket that failed last so long ago works: the pauses between sockets are shorter. */
const OVER_AFTER = 3_000
