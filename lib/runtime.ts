import { AsyncResource } from 'node:async_hooks'
import type { Driver } from './driver.js'
import { nativeError, type WarrenError } from './errors.js'
import { shielded } from './events/emit.js'
import type { Limits } from './generated/limits.js'
import type { PrivateKey, PublicKey } from './keys.js'
import { Deadlines } from './outbox/deadlines.js'
import type { ParsedLanes } from './outbox/lanes.js'
import { QueuedBytes } from './outbox/queued-bytes.js'
import type { Lists } from './versions/choice.js'
import { Families, type FamiliesOption } from './versions/families.js'
import { ProtocolTotals } from './versions/protocol-totals.js'
import { Settings } from './versions/settings.js'
import { Turns } from './versions/turns.js'
import { Attention } from './waiting/attention.js'
import type { Clock } from './waiting/clock.js'

/** State that all parts of one device share. */
export class Runtime {
  /** Its public key. */
  readonly device: PublicKey
  readonly driver: Driver
  readonly clock: Clock
  readonly limits: Limits
  /** Protocols, transports and floors. */
  readonly settings: Settings
  readonly moves: MoveOptions
  /** Turns of moves, over all peers. */
  readonly turns = new Turns(MOVES_AT_ONCE)
  readonly spoken: ProtocolTotals
  readonly mtu: number
  /** Address that its socket is bound to by `listen.host`; `undefined`: to all of this machine. */
  readonly listens: string | undefined
  /** Default of streams that do not say. */
  readonly allowHalfOpen: boolean
  readonly lanes: ParsedLanes
  readonly deadlines: Deadlines
  readonly attention: Attention
  /** Bytes that wait to leave, for all peers. */
  readonly queued: QueuedBytes
  /** The driver takes commands. */
  isOpen = true
  /** No new work is begun. */
  isClosing = false
  /** The async context of the device's opening. */
  readonly #context = new AsyncResource('WARREN_DEVICE')
  #message = 0
  #stream = 0

  constructor(driver: Driver, clock: Clock, options: RuntimeOptions) {
    this.device = options.privateKey.publicKey
    this.driver = driver
    this.clock = clock
    this.limits = options.limits
    this.settings = new Settings(options.protocols, options.transports, new Families(options.families), clock)
    this.moves = options.moves
    this.spoken = new ProtocolTotals(clock)
    this.mtu = options.mtu
    this.listens = options.listen.host === undefined ? undefined : driver.address.host
    this.allowHalfOpen = options.allowHalfOpen
    this.lanes = options.lanes
    this.deadlines = new Deadlines(clock)
    this.attention = new Attention((heeding) => driver.heed(heeding))
    // Under limits so small each byte that drained counts.
    if (Math.min(options.limits.queuedBytes, options.limits.queuedBytesPerPeer) < SMALL_QUEUE) this.attention.begin()
    this.queued = new QueuedBytes(options.limits.queuedBytes)
  }

  /** Runs a callback that calls a user's listeners, in the async context in which the device was opened, whoever's call brought it about. */
  tell(callback: () => void): void {
    this.#context.runInAsyncScope(shielded, undefined, callback)
  }

  nextMessage(): number {
    this.#message += 1
    return this.#message
  }

  /** Even, as the driver asks of streams that are opened here. */
  nextStream(): number {
    this.#stream += 2
    return this.#stream
  }

  closedError(): WarrenError {
    return nativeError('device-closed', '', {})
  }
}

export interface RuntimeOptions {
  readonly privateKey: Pick<PrivateKey, 'publicKey'>
  readonly limits: Limits
  readonly protocols: Lists
  readonly transports: readonly string[]
  readonly families: FamiliesOption
  readonly moves: MoveOptions
  readonly mtu: number
  readonly listen: { readonly host: string | undefined }
  readonly allowHalfOpen: boolean
  readonly lanes: ParsedLanes
}

/** Options of moves, filled in. */
export interface MoveOptions {
  /** They begin by themselves. */
  readonly auto: boolean
  /** Milliseconds for which a connection that gave way admits sends. */
  readonly grace: number
}

/** Sixteen times what may have drained without a word. */
const SMALL_QUEUE = 4 * 2 ** 20

/** A device that changes its lists for a thousand peers dials so many of them at a time. */
const MOVES_AT_ONCE = 64
