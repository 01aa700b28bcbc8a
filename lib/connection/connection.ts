import type { Buffer } from 'node:buffer'
import { type InspectOptions, inspect } from 'node:util'
import { coded } from '../arguments/argument-error.js'
import { checkBytes } from '../arguments/bytes.js'
import {
  type CloseOptions,
  type CloseReason,
  closeReasonOf,
  type DestroyOptions,
  parseClose,
  parseDestroy,
} from '../arguments/close.js'
import { SUPERSEDED, SUPERSEDED_CODE } from '../arguments/close-codes.js'
import type { DriverClose, PeerLists } from '../driver.js'
import type { WarrenError } from '../errors.js'
import { publishDrop } from '../events/drop.js'
import { Emitter, onNewListener, shielded } from '../events/emit.js'
import { joinLanes } from '../figures/lane-stats.js'
import { type ConnectionStats, NO_CONNECTION_STATS } from '../figures/stats.js'
import { Inbox } from '../inbox/inbox.js'
import { type MessageFilter, parseFilter } from '../inbox/message-filter.js'
import type { PeerInbox } from '../inbox/peer-inbox.js'
import type { Outbox } from '../outbox/outbox.js'
import { type Outgoing, parseMessage, parseSend, type SendOptions } from '../outbox/send-options.js'
import { LOST } from '../outbox/sent.js'
import type { Peer } from '../peer/peer.js'
import type { Runtime } from '../runtime.js'
import type { ConnectionStream, ConnectionWritable, IncomingStream } from '../streams/stream.js'
import { parseStreamOptions, type StreamOptions } from '../streams/stream-options.js'
import { GivingWay, type GivingWayLink } from '../versions/giving-way.js'
import { frameless } from '../waiting/caller.js'
import { defer, tolerated } from '../waiting/deferred.js'
import { closedError } from './closed-error.js'
import { Confirmation } from './confirmation.js'
import { publishConnection } from './connection-event.js'
import { connectionOutbox, type OutboxFacts } from './connection-outbox.js'
import type { ReceiverOf } from './connection-receiver.js'
import { ConnectionStreams, type StreamRoutes } from './connection-streams.js'
import { HeldDatagrams } from './held-datagrams.js'

/** A whole message that arrived. */
export interface Message {
  /** The contents, in memory of their own: they may be kept. */
  readonly bytes: Buffer
  /** The priority that the sender gave it, at most the `maxPriority` of the peer. */
  readonly priority: number
  /** The connection that it came on; `connection.peer` sent it. */
  readonly connection: Connection
}

/** An iterator over messages. Leaving it, by `return()` or `await using`, loses nothing. */
export type Messages = AsyncIterableIterator<Message> & AsyncDisposable

/** Events of a connection. None is 'error': a connection ends with 'close', which says why. */
export interface ConnectionEvents {
  /** A stream that the peer opened. Those that came before the first listener wait for it. */
  stream: [stream: IncomingStream]
  /** A datagram, perhaps out of order. The first 64 wait for a listener, up to `limits.packetBytesPerPeer` bytes. */
  datagram: [bytes: Buffer]
  /** The end, after everything that arrived can be read. `connection.closed` gives the same. */
  close: [reason: CloseReason]
}

/** Facts of a connection that never change. */
export interface ConnectionFacts extends OutboxFacts {
  readonly peer: Peer
  readonly protocol: string
  readonly initiator: 'local' | 'remote'
  /** The connection whose place this one takes. */
  readonly replaces: Connection | undefined
  /** The other end says when it has finished: it is of a build that knows moves. */
  readonly isAnswered: boolean
  /** The peer has yet to take it: `connected` tells that it did. */
  readonly isEarly?: boolean
  /** Messages from this peer, over all its connections. */
  readonly inbox: PeerInbox<Message>
  /** Streams of the device, as its events find them. */
  readonly streams: StreamRoutes
  /** The peer is being removed, or was. */
  isPeerRemoved(): boolean
  /** Moves the family of this connection to the version that both ends like best now. */
  move(connection: Connection): Promise<Connection>
  /** The peer told its lists. */
  announced(lists: PeerLists): void
  /** The peer sends nothing more on this connection. */
  left(connection: Connection): void
}

/** A connection as its driver's events see it. */
export type ConnectionReceiver = ReceiverOf<Connection>

/**
 * A live exchange with a peer in one application protocol: messages, streams, datagrams. Made by `peer.connect()` or by the peer.
 *
 * @example
 * ```js
 * const connection = await peer.connect()
 * await connection.send(Buffer.from('I vote yes'), { priority: 200 })
 * for await (const { bytes } of connection.messages()) console.log(bytes.toString())
 * const { by, reason } = await connection.closed
 * ```
 */
export class Connection extends Emitter<ConnectionEvents> implements AsyncDisposable {
  readonly #peer: Peer
  readonly #protocol: string
  readonly #initiator: 'local' | 'remote'
  readonly #replaces: Connection | undefined
  readonly #id: number
  readonly #runtime: Runtime
  readonly #inbox: Inbox<Message>
  readonly #outbox: Outbox
  readonly #streams: ConnectionStreams
  readonly #datagrams: HeldDatagrams
  readonly #end = defer<CloseReason>()
  readonly #since: number
  readonly #move: ConnectionFacts['move']
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** It was told to close, at this end. */
  #isClosing = false
  #reason: CloseReason | undefined
  #replacedBy: Connection | undefined
  #givingWay: GivingWay | undefined
  #isAnswered: boolean
  readonly #confirmation: Confirmation
  /** The other end has said that it sends nothing more. */
  #isFinished = false

  constructor(facts: ConnectionFacts, runtime: Runtime, attach: (receiver: ConnectionReceiver) => void) {
    super()
    this.#peer = facts.peer
    this.#protocol = facts.protocol
    this.#initiator = facts.initiator
    this.#replaces = facts.replaces
    this.#confirmation = new Confirmation(facts.isEarly ?? false)
    this.#move = facts.move
    this.#isAnswered = facts.isAnswered
    this.#id = facts.id
    this.#runtime = runtime
    this.#since = runtime.clock.now()
    this.#inbox = new Inbox(facts.inbox, facts.protocol, (bytes, priority, sentAs) => {
      if (this.#state !== 'closed') runtime.driver.releaseMessages(facts.id, sentAs, bytes.length)
      return { bytes, priority, connection: this }
    })
    this.#outbox = connectionOutbox(this, facts, runtime, () => this.#closedError())
    this.#streams = new ConnectionStreams(this, facts.id, runtime, facts.streams)
    this.#datagrams = new HeldDatagrams(
      {
        hasListener: () => this.listenerCount('datagram') > 0,
        emit: (bytes) => shielded(() => this.emit('datagram', bytes)),
        tell: (callback) => runtime.tell(callback),
      },
      runtime.limits.packetBytesPerPeer,
    )
    onNewListener(this, (name) => {
      if (name === 'stream') this.#streams.incoming.listenerAdded()
      if (name === 'datagram') this.#datagrams.listenerAdded()
    })
    attach({
      connection: this,
      id: facts.id,
      close: (code, reason) => this.#close(code, reason, GRACE_OF_CLOSE),
      outboxLanes: () => this.#outbox.lanes,
      post: (payload, options, patience, waiter) =>
        this.#state === 'open' ? this.#outbox.post(payload, options, patience, waiter) : LOST,
      confirmed: (isAnswered) => {
        this.#isAnswered = isAnswered
        this.#confirmation.came()
      },
      message: (priority, bytes) => {
        facts.spoken.messagesReceived += 1
        facts.spoken.bytesReceived += bytes.length
        this.#inbox.push(priority, bytes)
      },
      laneDrained: (priority, bytes) => this.#outbox.drained(priority, bytes),
      messageSettled: (message, outcome) => this.#outbox.settled(message, outcome),
      datagram: (bytes) => {
        if (!this.#datagrams.emit(bytes))
          publishDrop(runtime.device, 'datagram', 'in', 'no-listener', this.peer.publicKey, bytes.length)
      },
      streamOpened: (stream, bidirectional, priority, name) =>
        this.#streams.opened(stream, bidirectional, priority, name),
      superseded: (by) => this.#superseded(by),
      takeBack: () => this.#takeBack(),
      hasten: (limit) => this.#givingWay?.hasten(limit),
      cut: () => this.#cut(),
      finished: () => {
        this.#isFinished = true
        this.#givingWay?.theyFinished()
        // The other end dials beside it, or is to be dialled.
        if (this.#state !== 'closed') runtime.driver.supersede(facts.id)
        facts.left(this)
      },
      announced: (lists) => facts.announced(lists),
      closed: (close, failure) => {
        const isDone = close.cause === 'peer-dead' && this.#givingWay?.isFinished === true
        const known = facts.isPeerRemoved() ? asRemoved(close) : isDone ? SUPERSEDED_CLOSE : close
        const reason = closeReasonOf(known, this.peer.publicKey)
        return this.#ended(failure === undefined ? reason : { ...reason, error: failure })
      },
    })
  }

  /** The node at the other end. */
  get peer(): Peer {
    return this.#peer
  }

  /** The application protocol that both ends agreed on, one of `protocols`. */
  get protocol(): string {
    return this.#protocol
  }

  /** The end that dialled. */
  get initiator(): 'local' | 'remote' {
    return this.#initiator
  }

  /** The connection of another version of the protocol, or an older one, whose place this one took; `undefined`: there was none. */
  get replaces(): Connection | undefined {
    return this.#replaces
  }

  /** Settles with the reason when the connection has ended; never rejects. */
  get closed(): Promise<CloseReason> {
    return this.#end.promise
  }

  /** Resolves once the peer has taken it, as it has without `early`. Rejects as `connect()` would have, which is never unhandled. */
  get confirmed(): Promise<void> {
    return this.#confirmation.promise
  }

  /** True until the connection is over, is told to close at this end, or admits no more since another one took its place. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** The connection that took the place of this one, or of its successor; `undefined`: none did. */
  get replacedBy(): Connection | undefined {
    return this.#replacedBy?.replacedBy ?? this.#replacedBy
  }

  /** Bytes that a datagram can carry now; 0 once the connection is over. */
  get maxDatagramSize(): number {
    return this.#state === 'closed' ? 0 : this.#runtime.driver.maxDatagramSize(this.#id)
  }

  /**
   * Sends a message, and resolves when it is admitted to its lane: the place to wait for a slow network. Until then `bytes` must not
   * change; memory that has another length by then (transferred, resized) is refused.
   *
   * Rejects with `ERR_WARREN_CONNECTION_CLOSED`, `ERR_WARREN_QUEUE_FULL`, `ERR_WARREN_MESSAGE_TOO_LARGE`, or the signal's reason. A
   * rejection that a peer can bring about is never an unhandled one.
   *
   * @example
   * ```js
   * const outgoing = await connection.send(block, { priority: 10, lifetime: 2_000 })
   * if ((await outgoing.settled) === 'lost') retry(block)
   * ```
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
   * Reads messages as they come, at each step the oldest of the highest priority there is. Iterators compete: each message goes to
   * one. Leaving the loop loses nothing. The loop ends when the connection has ended and nothing is left; it throws nothing but the
   * reason of its signal.
   *
   * @example
   * ```js
   * for await (const { bytes, priority } of connection.messages({ minPriority: 100 })) vote(bytes)
   * ```
   */
  messages(filter?: MessageFilter): Messages {
    return this.#inbox.read(parseFilter(filter))
  }

  /**
   * Opens a byte stream at once; the peer hears of it with the first bytes. With `direction: 'out'` it is a Writable, else a Duplex.
   * On a connection that is over the stream errs by itself, with `ERR_WARREN_CONNECTION_CLOSED`.
   *
   * @example
   * ```js
   * const stream = connection.openStream({ name: 'balance', signal: AbortSignal.timeout(5_000) })
   * stream.end('account 7')
   * console.log(await text(stream))
   * ```
   */
  openStream(options: StreamOptions & { readonly direction: 'out' }): ConnectionWritable
  openStream(options?: StreamOptions & { readonly direction?: 'both' | undefined }): ConnectionStream
  openStream(options?: StreamOptions): ConnectionStream | ConnectionWritable
  openStream(options?: StreamOptions): ConnectionStream | ConnectionWritable {
    const parsed = parseStreamOptions(options)
    return this.#state === 'open' ? this.#streams.open(parsed) : this.#streams.openFailed(parsed, this.#closedError())
  }

  /**
   * Sends bytes that may be lost, or come out of order. False: dropped at once, because the queue is full or the connection is over.
   * Throws a `RangeError` with `ERR_WARREN_DATAGRAM_TOO_LARGE` past `maxDatagramSize`.
   */
  sendDatagram(bytes: Uint8Array): boolean {
    checkBytes(bytes, 'bytes')
    const most = this.#state === 'open' ? this.maxDatagramSize : 0
    // It is over, or ended a moment ago, or an early one goes on with a dial of the peer's that is not complete.
    if (most === 0) return this.#datagramDropped('closed', bytes)
    if (bytes.byteLength > most) {
      const message = `A datagram can carry at most ${most} bytes (connection.maxDatagramSize); got ${bytes.byteLength}`
      throw coded(new RangeError(message), 'ERR_WARREN_DATAGRAM_TOO_LARGE')
    }
    return this.#runtime.driver.sendDatagram(this.#id, bytes) || this.#datagramDropped('queue-full', bytes)
  }

  /** Gives figures of this moment; none once the connection is over. */
  stats(): ConnectionStats {
    if (this.#state === 'closed') return NO_CONNECTION_STATS
    const { driver, deadlines } = this.#runtime
    const lanes = joinLanes(driver.laneStats(this.#id) ?? [], this.#outbox.lanes, deadlines.now())
    return { ...(driver.connectionStats(this.#id) ?? NO_CONNECTION_STATS), lanes }
  }

  /** Takes no new work, delivers what was sent and the streams that were ended, then closes. Resolves when it is over. */
  async close(options?: CloseOptions): Promise<void> {
    const { code, reason, timeout } = parseClose(options)
    this.#close(code, reason, timeout)
    await this.closed
  }

  /**
   * Moves to the version of the protocol that both ends like best now, and gives the connection that takes the place of this one; this
   * one itself, where it speaks that version already. A device does so by itself unless its option `moves` says otherwise.
   *
   * Rejects as `peer.connect()` does, and with `ERR_WARREN_CONNECTION_CLOSED`.
   *
   * @example
   * ```js
   * const upgraded = await connection.supersede()
   * await upgraded.send(encode(upgraded.protocol, block))
   * ```
   */
  supersede(): Promise<Connection> {
    const { replacedBy } = this
    if (replacedBy !== undefined) return replacedBy.supersede()
    if (this.#state !== 'open') return tolerated(Promise.reject(this.#closedError()))
    return tolerated(this.#move(this))
  }

  /** Closes at once. Messages and streams that were not delivered are lost. */
  destroy(options?: DestroyOptions): void {
    const { code, reason } = parseDestroy(options)
    if (this.#state === 'closed') return
    this.#isClosing = true
    this.#state = 'closing'
    this.#runtime.driver.closeConnection(this.#id, code, reason, 0)
  }

  /** Closes gracefully: `await using connection = await peer.connect()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Gives the peer's key, the protocol, the end that dialled and the state, for logs. */
  toJSON(): object {
    const { peer, protocol, initiator } = this
    return { peer: peer.publicKey, protocol, initiator, state: this.#state }
  }

  /** Prints the facts of `toJSON`. */
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
      await Promise.race([
        Promise.all([this.#outbox.idle(), this.#streams.ended(), this.confirmed]),
        late.promise,
        this.closed,
      ]).catch(() => undefined)
    timer.cancel()
    if (this.#reason === undefined) driver.closeConnection(this.#id, code, reason, Math.max(0, deadline - clock.now()))
  }

  #close(code: number, reason: string, timeout: number): void {
    if (this.#state === 'closed' || this.#isClosing) return
    this.#isClosing = true
    this.#state = 'closing'
    this.#givingWay?.ended()
    void this.#closeWhenIdle(code, reason, timeout)
  }

  /** Gives way: admits sends for a grace, delivers what it has, and closes when the other end has done so too. */
  #superseded(by: Connection): void {
    this.#replacedBy = by
    if (this.#state === 'closed') return
    const { driver, clock, moves } = this.#runtime
    driver.supersede(this.#id)
    if (this.#state === 'closing' || this.#givingWay !== undefined) return
    const link: GivingWayLink = {
      grace: moves.grace,
      isAnswered: this.#isAnswered,
      endAdmission: () => {
        this.#streams.flush()
        if (this.#state === 'open') this.#state = 'closing'
      },
      drained: () => Promise.all([this.#outbox.allSettled(), this.#streams.ended()]),
      finish: () => driver.finish(this.#id),
      received: () => ({
        bytes: driver.connectionStats(this.#id)?.bytesReceived ?? 0,
        areHeld: this.#inbox.messages > 0,
      }),
      close: () => this.#cut(),
    }
    this.#givingWay = new GivingWay(link, clock, this.#isFinished)
  }

  #cut(): void {
    this.#runtime.driver.closeConnection(this.#id, this.#isAnswered ? SUPERSEDED_CODE : 0, SUPERSEDED, 0)
  }

  #takeBack(): boolean {
    const isOver = this.#state === 'closed' || this.#isClosing || this.#isFinished
    if (isOver || this.#givingWay === undefined || this.#givingWay.isFinished) return false
    this.#state = 'open'
    this.#givingWay.ended()
    this.#givingWay = undefined
    this.#replacedBy = undefined
    this.#runtime.driver.takeBack(this.#id)
    return true
  }

  #isIdle(): boolean {
    return this.#outbox.isIdle && this.#streams.areEnded && !this.#confirmation.isPending
  }

  #ended(reason: CloseReason): CloseReason {
    if (this.#reason !== undefined) return this.#reason
    this.#state = 'closed'
    this.#reason = reason
    this.#givingWay?.ended()
    const lastedMs = this.#runtime.clock.now() - this.#since
    if (!this.#confirmation.isPending)
      publishConnection(this.#runtime.device, { type: 'close', connection: this, reason, lastedMs })
    this.#confirmation.failed(() => reason.error ?? this.#closedError())
    this.#outbox.end()
    this.#inbox.end()
    this.#streams.end(() => reason.error ?? frameless(() => this.#closedError()))
    this.#end.resolve(reason)
    this.#runtime.tell(() => this.emit('close', reason))
    return reason
  }

  #closedError(): WarrenError {
    return closedError(this.peer.publicKey, this.#reason, this.replacedBy)
  }
}

/** A graceful removal closes like an application; here it is a removal. */
function asRemoved(close: DriverClose): DriverClose {
  return close.by === 'local' && close.cause === 'application' ? { ...close, cause: 'peer-removed' } : close
}

/**
 * The end of a connection that gave way, and on which this end has said that the peer holds all: a peer that knows it no more closed it,
 * and that word was lost.
 */
const SUPERSEDED_CLOSE: DriverClose = { by: 'remote', code: 0, reason: SUPERSEDED, cause: 'application' }

/** Time in which a close that no application asked for delivers what was sent: as that of `close()`. */
const GRACE_OF_CLOSE = 5_000
