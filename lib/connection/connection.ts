import type { Buffer } from 'node:buffer'
import { type InspectOptions, inspect, types } from 'node:util'
import { coded, wrongType } from '../arguments/argument-error.js'
import {
  type CloseOptions,
  type CloseReason,
  closeReasonOf,
  type DestroyOptions,
  parseClose,
  parseDestroy,
} from '../arguments/close.js'
import type { DriverClose } from '../driver.js'
import { WarrenError } from '../errors.js'
import { publishDrop } from '../events/drop.js'
import { Emitter, onNewListener, shielded } from '../events/emit.js'
import { HeldEvents } from '../events/held-events.js'
import { joinLanes, type OutboxFigures } from '../figures/lane-stats.js'
import { type ConnectionStats, statsOf } from '../figures/stats.js'
import { Inbox } from '../inbox/inbox.js'
import type { PeerInbox } from '../inbox/peer-inbox.js'
import {
  type Message,
  type MessageFilter,
  type Messages,
  type Outcome,
  type Outgoing,
  type ParsedSend,
  parseFilter,
  parseMessage,
  parseSend,
  type SendOptions,
} from '../outbox/message.js'
import type { Outbox } from '../outbox/outbox.js'
import type { QueuedBytes } from '../outbox/queued-bytes.js'
import { LOST, type Payload, type Posted, type Waiter } from '../outbox/sent.js'
import type { Peer } from '../peer/peer.js'
import type { Runtime } from '../runtime.js'
import type { ConnectionStream, ConnectionWritable, IncomingStream } from '../streams/stream.js'
import { parseStreamOptions, type StreamOptions } from '../streams/stream-options.js'
import { defer, tolerated } from '../waiting/deferred.js'
import { publishConnection } from './connection-event.js'
import { connectionOutbox } from './connection-outbox.js'
import { ConnectionStreams } from './connection-streams.js'

/** There is no 'error': a connection ends with 'close', and `closed` says why. */
export interface ConnectionEvents {
  /** The peer opened a stream. Those that came before the first listener wait for it. */
  stream: [stream: IncomingStream]
  /** A datagram came, perhaps out of order. The first 64 wait for a listener. */
  datagram: [bytes: Buffer]
  close: [reason: CloseReason]
}

/** What a connection is from its first moment. */
export interface ConnectionFacts {
  readonly id: number
  readonly peer: Peer
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
  /** What waits to leave for this peer, over all its connections. */
  readonly queued: QueuedBytes
  /** What came from this peer, over all its connections. */
  readonly inbox: PeerInbox<Message>
  /** The peer is being removed, or was. */
  isPeerRemoved(): boolean
}

/** A connection as its driver's events see it: handed out once, when it is made. */
export interface ConnectionReceiver {
  readonly connection: Connection
  /** What its outbox tells of its lanes, also after its end. */
  outboxLanes(): Iterable<OutboxFigures>
  /** Sends one of many: no error, and no promise unless it waits. */
  post(payload: Payload, options: ParsedSend, patience: number, waiter: Waiter): Posted
  message(priority: number, bytes: Buffer): void
  laneDrained(priority: number, bytes: number): void
  messageSettled(message: number, outcome: Outcome): void
  datagram(bytes: Buffer): void
  streamOpened(stream: number, bidirectional: boolean, priority: number, name: string): void
  /** The last event; `failure` is the device's own, if that ended it. Why it ended is told here at once. */
  closed(close: DriverClose, failure?: WarrenError): CloseReason
}

/** A live exchange with a peer in one application protocol: messages, streams, datagrams. Made by `peer.connect()` or by the peer. */
export class Connection extends Emitter<ConnectionEvents> implements AsyncDisposable {
  readonly peer: Peer
  readonly protocol: string
  /** Who dialled. */
  readonly initiator: 'local' | 'remote'
  /** Why it ended; never rejects. */
  readonly closed: Promise<CloseReason>

  readonly #id: number
  readonly #runtime: Runtime
  readonly #inbox: Inbox<Message>
  readonly #outbox: Outbox
  readonly #streams: ConnectionStreams
  readonly #datagrams: HeldEvents<Buffer>
  readonly #end = defer<CloseReason>()
  readonly #since: number
  #state: 'open' | 'closing' | 'closed' = 'open'
  #reason: CloseReason | undefined

  constructor(facts: ConnectionFacts, runtime: Runtime, attach: (receiver: ConnectionReceiver) => void) {
    super()
    this.peer = facts.peer
    this.protocol = facts.protocol
    this.initiator = facts.initiator
    this.closed = this.#end.promise
    this.#id = facts.id
    this.#runtime = runtime
    this.#since = runtime.clock.now()
    this.#inbox = new Inbox(facts.inbox, facts.protocol, (bytes, priority, sentAs) => {
      if (this.#state !== 'closed') runtime.driver.releaseMessages(facts.id, sentAs, bytes.length)
      return { bytes, priority, connection: this }
    })
    this.#outbox = connectionOutbox(this, facts, runtime, () => this.#closedError())
    this.#streams = new ConnectionStreams(this, facts.id, runtime)
    this.#datagrams = new HeldEvents({
      hasListener: () => this.listenerCount('datagram') > 0,
      emit: (bytes) => shielded(() => this.emit('datagram', bytes)),
      tell: (callback) => runtime.tell(callback),
    })
    onNewListener(this, (name) => {
      if (name === 'stream') this.#streams.incoming.listenerAdded()
      if (name === 'datagram') this.#datagrams.listenerAdded()
    })
    attach({
      connection: this,
      outboxLanes: () => this.#outbox.lanes,
      post: (payload, options, patience, waiter) =>
        this.#state === 'open' ? this.#outbox.post(payload, options, patience, waiter) : LOST,
      message: (priority, bytes) => this.#inbox.push(priority, bytes),
      laneDrained: (priority, bytes) => this.#outbox.drained(priority, bytes),
      messageSettled: (message, outcome) => this.#outbox.settled(message, outcome),
      datagram: (bytes) => {
        if (this.#datagrams.length < HELD_DATAGRAMS) this.#datagrams.emit(bytes)
        else publishDrop(runtime.device, 'datagram', 'in', 'no-listener', this.peer.publicKey, bytes.length)
      },
      streamOpened: (stream, bidirectional, priority, name) =>
        this.#streams.opened(stream, bidirectional, priority, name),
      closed: (close, failure) => {
        const reason = closeReasonOf(facts.isPeerRemoved() ? asRemoved(close) : close, this.peer.publicKey)
        return this.#ended(failure === undefined ? reason : { ...reason, error: failure })
      },
    })
  }

  /** Neither over nor on its way to be. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** The most that a datagram can carry now, in bytes; 0 once the connection is over. */
  get maxDatagramSize(): number {
    return this.#state === 'closed' ? 0 : this.#runtime.driver.maxDatagramSize(this.#id)
  }

  /**
   * Resolves when the message is admitted to its lane: the place to wait for a slow network. Until then `bytes` must not change;
   * memory that has another length by then (transferred, resized) is refused.
   * A rejection that a peer can bring about is never an unhandled one.
   */
  send(bytes: Uint8Array, options?: SendOptions): Promise<Outgoing> {
    try {
      const parsed = parseSend(options)
      const message = parseMessage(bytes, this.#runtime.limits)
      if (this.#state === 'open') return this.#outbox.send(message, parsed)
      return tolerated(Promise.reject(this.#closedError()))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Messages as they come, at each step the oldest of the highest priority there is. Iterators compete: each message goes to one.
   * Leaving the loop loses nothing. It ends when the connection has ended and nothing is left.
   */
  messages(filter?: MessageFilter): Messages {
    return this.#inbox.read(parseFilter(filter))
  }

  /** Opens a byte stream at once; the peer hears of it with the first bytes. On a connection that is over it errs by itself. */
  openStream(options: StreamOptions & { readonly direction: 'out' }): ConnectionWritable
  openStream(options?: StreamOptions & { readonly direction?: 'both' | undefined }): ConnectionStream
  openStream(options?: StreamOptions): ConnectionStream | ConnectionWritable
  openStream(options?: StreamOptions): ConnectionStream | ConnectionWritable {
    const parsed = parseStreamOptions(options)
    return this.#state === 'open' ? this.#streams.open(parsed) : this.#streams.openFailed(parsed, this.#closedError())
  }

  /** Sends bytes that may be lost. False: dropped at once, because the queue is full or the connection is over. */
  sendDatagram(bytes: Uint8Array): boolean {
    if (!types.isUint8Array(bytes)) throw wrongType('bytes', 'a Uint8Array', bytes)
    if (this.#state !== 'open') return this.#datagramDropped('closed', bytes)
    const most = this.maxDatagramSize
    if (bytes.byteLength > most) {
      const message = `A datagram can carry at most ${most} bytes (connection.maxDatagramSize); got ${bytes.byteLength}`
      throw coded(new RangeError(message), 'ERR_WARREN_DATAGRAM_TOO_LARGE')
    }
    return this.#runtime.driver.sendDatagram(this.#id, bytes) || this.#datagramDropped('queue-full', bytes)
  }

  /** Figures of this moment; none once the connection is over. */
  stats(): ConnectionStats {
    if (this.#state === 'closed') return statsOf(undefined, [])
    const { driver, deadlines } = this.#runtime
    const lanes = joinLanes(driver.laneStats(this.#id) ?? [], this.#outbox.lanes, deadlines.now())
    return statsOf(driver.connectionStats(this.#id), lanes)
  }

  /** Takes no new work, delivers what was sent and the streams that were ended, then closes. Resolves when it is over. */
  async close(options?: CloseOptions): Promise<void> {
    const { code, reason, timeout } = parseClose(options)
    if (this.#state === 'open') {
      this.#state = 'closing'
      void this.#closeWhenIdle(code, reason, timeout)
    }
    await this.closed
  }

  /** Closes at once; what was not delivered is lost. */
  destroy(options?: DestroyOptions): void {
    const { code, reason } = parseDestroy(options)
    if (this.#state === 'closed') return
    this.#state = 'closing'
    this.#runtime.driver.closeConnection(this.#id, code, reason, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  toJSON(): object {
    const { peer, protocol, initiator } = this
    return { peer: peer.publicKey, protocol, initiator, state: this.#state }
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Connection ${inspect(this.toJSON(), options)}`
  }

  #datagramDropped(reason: 'closed' | 'queue-full', { byteLength }: Uint8Array): false {
    publishDrop(this.#runtime.device, 'datagram', 'out', reason, this.peer.publicKey, byteLength)
    return false
  }

  async #closeWhenIdle(code: number, reason: string, timeout: number): Promise<void> {
    this.#streams.flush()
    const { clock, driver } = this.#runtime
    const deadline = clock.now() + timeout
    const late = defer<void>()
    const timer = clock.after(timeout, late.resolve)
    if (!this.#isIdle())
      await Promise.race([Promise.all([this.#outbox.idle(), this.#streams.ended()]), late.promise, this.closed])
    timer.cancel()
    if (this.#reason === undefined) driver.closeConnection(this.#id, code, reason, Math.max(0, deadline - clock.now()))
  }

  #isIdle(): boolean {
    return this.#outbox.isIdle && this.#streams.areEnded
  }

  #ended(reason: CloseReason): CloseReason {
    if (this.#reason !== undefined) return this.#reason
    this.#state = 'closed'
    this.#reason = reason
    const lastedMs = this.#runtime.clock.now() - this.#since
    publishConnection(this.#runtime.device, { type: 'close', connection: this, reason, lastedMs })
    this.#outbox.end()
    this.#inbox.end()
    this.#streams.end(reason.error ?? this.#closedError())
    this.#end.resolve(reason)
    this.#runtime.tell(() => this.emit('close', reason))
    return reason
  }

  #closedError(): WarrenError {
    const { by, reason, error } = this.#reason ?? { by: 'local', reason: '', error: undefined }
    const why = reason === '' ? '' : `: ${reason}`
    // Made anew: it has the frames of who is told.
    if (error?.code === 'ERR_WARREN_PEER_REMOVED') return new WarrenError(error.code, error.message, error)
    return new WarrenError(
      'ERR_WARREN_CONNECTION_CLOSED',
      `The connection was closed (${by}${why}); connect again to go on`,
      {
        peer: this.peer.publicKey,
        cause: error,
      },
    )
  }
}

/** A graceful removal closes like an application; here it is a removal. */
function asRemoved(close: DriverClose): DriverClose {
  return close.by === 'local' && close.cause === 'application' ? { ...close, cause: 'peer-removed' } : close
}

/** Enough for what comes in one batch with 'connection', before the caller of `connect()` runs again. */
const HELD_DATAGRAMS = 64
