import { AsyncResource } from 'node:async_hooks'
import { WarrenError } from '../errors.js'
import { shielded } from '../events/emit.js'
import { HeldEvents } from '../events/held-events.js'
import type { Runtime } from '../runtime.js'
import { ReadBudget } from '../streams/read-budget.js'
import {
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  type IncomingStream,
  type StreamLink,
  type StreamSides,
} from '../streams/stream.js'
import { publishStream } from '../streams/stream-event.js'
import { abortError, type ParsedStreamOptions } from '../streams/stream-options.js'
import { onAbort } from '../waiting/abort.js'
import { LateSet } from '../waiting/late-set.js'

/** The streams of a device, by the ids of its driver. */
export type StreamRoutes = Map<number, StreamSides>

/** The byte streams of one connection. */
export class ConnectionStreams {
  /** Streams that the peer opened, on their way to the application. */
  readonly incoming: HeldEvents<StreamSides>
  readonly #connection: StreamLink['connection']
  readonly #id: number
  readonly #runtime: Runtime
  readonly #routes: StreamRoutes
  readonly #sides = new LateSet<StreamSides>()
  readonly #readBudget = new ReadBudget()
  /** Waits of `ended`. */
  readonly #endings = new LateSet<Ending>()

  constructor(connection: StreamLink['connection'], id: number, runtime: Runtime, routes: StreamRoutes) {
    this.#connection = connection
    this.#id = id
    this.#runtime = runtime
    this.#routes = routes
    this.incoming = new HeldEvents({
      hasListener: () => connection.listenerCount('stream') > 0,
      emit: ({ stream, read }) => {
        shielded(() => connection.emit('stream', stream as IncomingStream))
        read?.watch()
      },
      tell: (callback) => runtime.tell(callback),
    })
  }

  /** Opens one from this end. */
  open(options: ParsedStreamOptions): ConnectionStream | ConnectionWritable {
    const { direction, priority, name, signal } = options
    if (signal?.aborted) return this.openFailed(options, abortError(signal))
    const id = this.#runtime.nextStream()
    this.#runtime.driver.openStream(this.#id, id, direction === 'both', priority, name)
    const { link, sides } = this.#link(id, options, new AsyncResource('WARREN_STREAM'))
    const stream = direction === 'both' ? new ConnectionStream(link) : new ConnectionWritable(link)
    publishStream(this.#runtime.device, id, () => ({ type: 'open', stream, initiator: 'local' }))
    sides()?.read?.watch()
    return stream
  }

  /** A stream that never was, and says why. */
  openFailed(options: ParsedStreamOptions, error: Error): ConnectionStream | ConnectionWritable {
    const { link } = this.#link(this.#runtime.nextStream(), { ...options, signal: undefined })
    const dead = { ...link, register: abandon }
    const stream = options.direction === 'both' ? new ConnectionStream(dead) : new ConnectionWritable(dead)
    return stream.destroy(error)
  }

  /** The peer opened one. */
  opened(id: number, bidirectional: boolean, priority: number, name: string): void {
    const { link, sides } = this.#link(id, { ...INCOMING, priority, name })
    if (bidirectional) new ConnectionStream(link)
    else new ConnectionReadable(link)
    const registered = sides()
    if (registered === undefined) return
    const { stream } = registered
    publishStream(this.#runtime.device, id, () => ({ type: 'open', stream, initiator: 'remote' }))
    this.incoming.emit(registered)
  }

  /** No stream has an end of its own on the way. */
  get areEnded(): boolean {
    return ![...this.#sides].some(isEnding)
  }

  /** Resolves when every stream that was ended has arrived, or failed. */
  ended(): Promise<void> {
    const waiting = new Set([...this.#sides].filter(isEnding))
    if (waiting.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#endings.add({ waiting, resolve }))
  }

  /** Hands over what was written in this turn of the event loop, ahead of what is told the driver next. */
  flush(): void {
    for (const { write } of this.#sides) write?.flush()
  }

  /** The connection is over. What arrived whole can still be read; all else errs. */
  end(cause: () => Error): void {
    if (this.#sides.size === 0) return
    const error = cause()
    for (const each of [...this.#sides]) inContextOf(each, (sides) => endSides(sides, error))
  }

  #link(
    id: number,
    { priority, name, highWaterMark, allowHalfOpen, signal }: Omit<ParsedStreamOptions, 'direction'>,
    context?: AsyncResource,
  ): { readonly link: StreamLink; sides(): StreamSides | undefined } {
    const { device, driver, clock, attention } = this.#runtime
    let registered: StreamSides | undefined
    let ignoreSignal = (): void => {}
    const link: StreamLink = {
      connection: this.#connection,
      driver,
      attention,
      clock,
      context,
      id,
      priority,
      name: name === '' ? undefined : name,
      highWaterMark,
      // Who names a mark of its own means it.
      readBudget: highWaterMark === undefined ? this.#readBudget : new ReadBudget(),
      allowHalfOpen: allowHalfOpen ?? this.#runtime.allowHalfOpen,
      register: (sides) => {
        registered = sides
        this.#sides.add(sides)
        this.#routes.set(id, sides)
        if (signal !== undefined) ignoreSignal = onAbort(signal, () => sides.stream.destroy(abortError(signal)))
      },
      arrived: () => this.#settled(registered),
      forget: () => {
        ignoreSignal()
        if (registered !== undefined) this.#sides.delete(registered)
        const { stream } = registered ?? {}
        if (stream !== undefined)
          publishStream(device, id, () => ({ type: 'close', stream, error: stream.errored ?? undefined }))
        this.#routes.delete(id)
        this.#settled(registered)
      },
    }
    return { link, sides: () => registered }
  }

  #settled(sides: StreamSides | undefined): void {
    if (sides === undefined) return
    for (const ending of this.#endings) {
      ending.waiting.delete(sides)
      if (ending.waiting.size > 0) continue
      this.#endings.delete(ending)
      ending.resolve()
    }
  }
}

/** Streams of which somebody waits for the end. */
interface Ending {
  readonly waiting: Set<StreamSides>
  resolve(): void
}

/** Tells a stream something, in the async context in which it was opened, if that was here. */
export function inContextOf(sides: StreamSides, tell: (sides: StreamSides) => void): void {
  if (sides.context === undefined) tell(sides)
  else sides.context.runInAsyncScope(tell, undefined, sides)
}

/** The peer took its side of a stream back. */
export function streamReset({ stream, read }: StreamSides, code: number): void {
  read?.abandon()
  stream.destroy(
    new WarrenError('ERR_WARREN_STREAM_RESET', `The peer destroyed the stream before its end (code ${code})`),
  )
}

/** The peer reads no more; `whole`: it has all that was written. What can still be read here is not lost for that. */
export function streamStopped(sides: StreamSides, code: number, whole: boolean): void {
  const { stream, read, write } = sides
  const error = new WarrenError('ERR_WARREN_STREAM_STOPPED', `The peer stopped reading the stream (code ${code})`)
  write?.stopped(error, whole)
  if (read === undefined && !write?.isOver) stream.destroy(error)
  sides.settle?.()
}

function endSides(sides: StreamSides, error: Error): void {
  const { stream, read, write } = sides
  const isReadable = read?.isOver && !stream.destroyed
  const mayRead = isReadable && (write === undefined || write.isOver || write.isIdle)
  // What came before the end is there to be read, as messages are.
  const holdsRest = !read?.isOver && !stream.destroyed && (write === undefined || write.isIdle)
  if (holdsRest && read?.endAfterRest(error)) {
    write?.abandon()
    return
  }
  if (mayRead) write?.fail(error)
  read?.abandon()
  write?.abandon()
  if (mayRead) sides.settle?.()
  else stream.destroy(error)
}

function isEnding({ stream, write }: StreamSides): boolean {
  return write !== undefined && 'writableEnded' in stream && stream.writableEnded && !write.isOver
}

function abandon({ read, write }: StreamSides): void {
  read?.abandon()
  write?.abandon()
}

const INCOMING = { highWaterMark: undefined, allowHalfOpen: undefined, signal: undefined }
