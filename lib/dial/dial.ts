import type { DriverClose } from '../driver.js'
import { fromClose, fromNative, WarrenError } from '../errors.js'
import { brief, log } from '../events/log.js'
import { onAbort } from '../waiting/abort.js'
import type { Clock, Timer } from '../waiting/clock.js'
import { type Deferred, defer } from '../waiting/deferred.js'
import { Attempts } from './attempts.js'
import { noHandshake, noTransport, seconds, type Tunnel } from './dial-error.js'
import { type AttemptEnd, DialPace } from './dial-pace.js'

/** A dial as its driver's events see it. */
export interface DialReceiver {
  closed(close: DriverClose): void
}

/** Link from a dial to its peer, whose connections are of type `C`. */
export interface DialLink<C> {
  /** The device that dials, and the peer that is dialled. */
  readonly device: string
  readonly publicKey: string
  /** Address that the device's socket is bound to, if not to all. */
  readonly listens: string | undefined
  readonly offered: readonly string[]
  readonly clock: Clock
  tunnel(): Tunnel
  /** Gives the driver an address to try. Rejects when there is none to be found. */
  locate(): Promise<void>
  /** Dials, and has the events of the dial sent to `receiver`. */
  connect(timeout: number, receiver: DialReceiver, early: boolean): number
  cancel(connection: number): void
  /** A live connection that would do. */
  find(): C | undefined
  /** The dial is over: the next caller starts a new one. */
  over(): void
}

/** One dial to a peer, shared by all who ask for the same protocols meanwhile. Each waits for as long as it wants. */
export class Dial<C> {
  /** Initiations that were tried for it. */
  readonly attempts = new Attempts()
  readonly #link: DialLink<C>
  readonly #callers = new Set<Caller<C>>()
  /** Ends the one wait at which the dial stands. */
  #wake: (() => void) | undefined
  #connection: number | undefined
  /** The one that those have who wanted it before it is up: it goes on without this dial. */
  #given: number | undefined
  /** Reason for there being no address to try. */
  #trouble: WarrenError | undefined
  /** End of the attempt before this one. */
  #last: DriverClose | undefined
  #isOver = false
  readonly #began: number

  constructor(link: DialLink<C>) {
    this.#link = link
    this.#began = link.clock.now()
  }

  /** Resolves with the connection, however it came about; `early`: as soon as it takes what is to be sent. */
  join(timeout: number, signal: AbortSignal | undefined, early = false): Promise<C> {
    const { clock } = this.#link
    const deferred = defer<C>()
    const caller: Caller<C> = {
      deferred,
      early,
      deadline: clock.now() + timeout,
      timer: clock.after(timeout, () =>
        this.#leave(caller, () => deferred.reject(this.#failed(this.#timeoutError(timeout)))),
      ),
      stopListening: signal && onAbort(signal, () => this.#leave(caller, () => deferred.reject(this.#aborted(signal)))),
    }
    this.#callers.add(caller)
    if (this.#callers.size > 1) return deferred.promise
    log.dial?.(
      this.#line(`begins, for ${seconds(timeout)}, offers ${this.#link.offered.join(' ')}, at ${this.#where()}`),
    )
    void this.#run()
    return deferred.promise
  }

  /** A connection that would do is up. The dial under way goes on by itself, or ends as the duplicate. */
  arrived(connection: C): void {
    this.#connection = undefined
    if (this.#callers.size > 0) log.dial?.(this.#line(`connected after ${this.#elapsed()}, at ${this.#where()}`))
    for (const caller of [...this.#callers]) this.#leave(caller, () => caller.deferred.resolve(connection))
  }

  /** The connection that it dials takes what is to be sent. Those who wait until it is up go on waiting. */
  early(connection: C): void {
    const served = [...this.#callers].filter(({ early }) => early)
    if (served.length === 0) return
    log.dial?.(this.#line(`can be sent on after ${this.#elapsed()}, at ${this.#where()}`))
    this.#given = this.#connection
    for (const caller of served) this.#leave(caller, () => caller.deferred.resolve(connection))
  }

  /** Whether this is the connection that it dials now. */
  isAttempt(connection: number): boolean {
    return this.#connection === connection
  }

  /** Nothing can come of it any more. */
  fail(error: Error): void {
    if (this.#callers.size > 0) this.#failed(error)
    for (const caller of [...this.#callers]) this.#leave(caller, () => caller.deferred.reject(error))
  }

  async #run(): Promise<void> {
    const pace = new DialPace(this.#link.clock)
    while (!this.#isOver) {
      pace.begin()
      const end = (await this.#locate()) ? await this.#attempt() : 'unresolved'
      if (this.#isOver || end === undefined) return
      this.#last = end === 'unresolved' ? undefined : end
      const pause = pace.after(end)
      log.dial?.(this.#line(`${attemptLine(end, this.#trouble, pause)} (${this.#elapsed()} after it began)`))
      if (pause !== undefined) await this.#pause(pause)
      else if (end !== 'unresolved') this.fail(this.#error(end))
    }
  }

  async #locate(): Promise<boolean> {
    try {
      await this.#link.locate()
      this.#trouble = undefined
      return true
    } catch (error) {
      this.#trouble = fromNative(error, this.#link.publicKey)
      return false
    }
  }

  /** One dial of the driver: how it failed, or `undefined` when nobody waits for it any more. */
  async #attempt(): Promise<DriverClose | undefined> {
    const { clock } = this.#link
    if (this.#isOver) return undefined
    const latest = Math.max(...Array.from(this.#callers, ({ deadline }) => deadline))
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined)
      try {
        const found = this.#link.find()
        if (found !== undefined) return this.arrived(found)
        const receiver: DialReceiver = {
          closed: (close) => {
            this.#connection = undefined
            resolve(close)
          },
        }
        const isEarly = Array.from(this.#callers).some(({ early }) => early)
        this.#connection = this.#link.connect(Math.ceil(Math.max(1, latest - clock.now())), receiver, isEarly)
      } catch (error) {
        this.fail(fromNative(error, this.#link.publicKey))
      }
    })
  }

  #pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#link.clock.after(milliseconds, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #leave(caller: Caller<C>, settle: () => void): void {
    if (!this.#callers.delete(caller)) return
    caller.timer.cancel()
    caller.stopListening?.()
    if (this.#callers.size === 0) this.#abandon()
    settle()
  }

  #abandon(): void {
    this.#isOver = true
    this.#link.over()
    if (this.#connection !== undefined && this.#connection !== this.#given) this.#link.cancel(this.#connection)
    this.#wake?.()
  }

  /** Error for a caller whose time is over. */
  #timeoutError(waited: number): WarrenError {
    if (this.#trouble !== undefined) return this.#trouble
    const { attempts } = this
    const { publicKey, listens } = this.#link
    const tunnel = this.#link.tunnel()
    if (tunnel.upFor === undefined)
      return noHandshake(publicKey, waited, attempts.tried(tunnel.endpoint), attempts.cause(), listens)
    const last = this.#last
    if (last !== undefined && TOLD.has(last.cause)) return this.#error(last)
    return noTransport(publicKey, waited, tunnel, attempts.tried(undefined), attempts.cause())
  }

  #failed<E extends Error>(error: E): E {
    log.dial?.(
      this.#line(`failed after ${this.#elapsed()}: ${'code' in error ? error.code : error.name}: ${error.message}`),
    )
    return error
  }

  #aborted(signal: AbortSignal): unknown {
    log.dial?.(this.#line(`a caller gave up after ${this.#elapsed()}`))
    return signal.reason
  }

  #line(text: string): string {
    return `${brief(this.#link.device)} → ${brief(this.#link.publicKey)} ${text}`
  }

  #elapsed(): string {
    return seconds(this.#link.clock.now() - this.#began)
  }

  #where(): string {
    return this.#link.tunnel().endpoint ?? 'no endpoint yet'
  }

  #error(close: DriverClose): WarrenError {
    const { publicKey: peer } = this.#link
    const refused = `The peer closed the connection while it came up (code ${close.code}: ${close.reason})`
    return fromClose(close, peer) ?? new WarrenError('ERR_WARREN_CONNECTION_REFUSED', refused, { peer })
  }
}

function attemptLine(end: AttemptEnd, trouble: WarrenError | undefined, pause: number | undefined): string {
  const how = end === 'unresolved' ? `no address (${trouble?.message})` : `attempt ended: ${end.cause}, by ${end.by}`
  return pause === undefined ? how : `${how}; the next one in ${seconds(pause)}`
}

interface Caller<C> {
  readonly early: boolean
  readonly deferred: Deferred<C>
  readonly deadline: number
  readonly timer: Timer
  readonly stopListening: (() => void) | undefined
}

/** Ends of an attempt that say more than that nobody answered. */
const TOLD: ReadonlySet<DriverClose['cause']> = new Set(['refused', 'duplicate', 'peer-dials'])
