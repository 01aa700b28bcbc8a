import { finished } from 'node:stream'
import type { Connection } from './connection.js'
import { shielded } from './emit.js'
import { WarrenError } from './errors.js'
import { HeldEvents } from './held-events.js'
import { ReadBudget } from './read-budget.js'
import type { Runtime } from './runtime.js'
import {
  ConnectionReadable,
  ConnectionStream,
  ConnectionWritable,
  type IncomingStream,
  type ParsedStreamOptions,
  type StreamLink,
  type StreamSides,
} from './stream.js'

/** The byte streams of one connection. */
export class ConnectionStreams {
  /** Streams that the peer opened, on their way to the application. */
  readonly incoming: HeldEvents<IncomingStream>
  readonly #connection: Connection
  readonly #id: number
  readonly #runtime: Runtime
  readonly #sides = new Set<StreamSides>()
  readonly #readBudget = new ReadBudget()

  constructor(connection: Connection, id: number, runtime: Runtime) {
    this.#connection = connection
    this.#id = id
    this.#runtime = runtime
    this.incoming = new HeldEvents({
      hasListener: () => connection.listenerCount('stream') > 0,
      emit: (stream) => shielded(() => connection.emit('stream', stream)),
    })
  }

  /** Opens one from this end. */
  open({ direction, priority, highWaterMark }: ParsedStreamOptions): ConnectionStream | ConnectionWritable {
    const id = this.#runtime.nextStream()
    this.#runtime.driver.openStream(this.#id, id, direction === 'both', priority)
    const link = this.#link(id, priority, highWaterMark)
    return direction === 'both' ? new ConnectionStream(link) : new ConnectionWritable(link)
  }

  /** A stream that never was, and says why. */
  openFailed(
    { direction, priority, highWaterMark }: ParsedStreamOptions,
    error: Error,
  ): ConnectionStream | ConnectionWritable {
    const link = { ...this.#link(this.#runtime.nextStream(), priority, highWaterMark), register: abandon }
    const stream = direction === 'both' ? new ConnectionStream(link) : new ConnectionWritable(link)
    return stream.destroy(error)
  }

  /** The peer opened one. */
  opened(id: number, bidirectional: boolean, priority: number): void {
    const link = this.#link(id, priority, undefined)
    this.incoming.emit(bidirectional ? new ConnectionStream(link) : new ConnectionReadable(link))
  }

  /** No stream has an end of its own on the way. */
  get areEnded(): boolean {
    return ![...this.#sides].some(isEnding)
  }

  /** Resolves when every stream that was ended has arrived, or failed. */
  async ended(): Promise<void> {
    const ending = [...this.#sides].filter(isEnding)
    await Promise.all(
      ending.map(
        ({ stream }) => new Promise<void>((resolve) => finished(stream, { readable: false }, () => resolve())),
      ),
    )
  }

  /** Hands over what was written in this turn of the event loop, ahead of what is told the driver next. */
  flush(): void {
    for (const { write } of this.#sides) write?.flush()
  }

  /** The connection is over. What arrived whole can still be read; all else errs. */
  end(error: Error): void {
    for (const sides of [...this.#sides]) endSides(sides, error)
  }

  #link(id: number, priority: number, highWaterMark: number | undefined): StreamLink {
    const { routes, driver } = this.#runtime
    let registered: StreamSides | undefined
    return {
      connection: this.#connection,
      driver,
      id,
      priority,
      highWaterMark,
      // Who names a mark of its own means it.
      readBudget: highWaterMark === undefined ? this.#readBudget : new ReadBudget(),
      register: (sides) => {
        registered = sides
        this.#sides.add(sides)
        routes.streams.set(id, sides)
      },
      forget: () => {
        if (registered !== undefined) this.#sides.delete(registered)
        routes.streams.delete(id)
      },
    }
  }
}

/** The peer took its side of a stream back. */
export function streamReset({ stream, read }: StreamSides, code: number): void {
  read?.abandon()
  stream.destroy(
    new WarrenError('ERR_WARREN_STREAM_RESET', `The peer destroyed the stream before its end (code ${code})`),
  )
}

/** The peer reads no more. What can still be read here is not lost for that, unless a write fails by it. */
export function streamStopped({ stream, read, write }: StreamSides, code: number): void {
  const error = new WarrenError('ERR_WARREN_STREAM_STOPPED', `The peer stopped reading the stream (code ${code})`)
  write?.fail(error)
  if (read === undefined) stream.destroy(error)
}

function endSides({ stream, read, write }: StreamSides, error: Error): void {
  const isReadable = read?.isOver && !stream.destroyed
  const isWritten = write === undefined || write.isOver
  const mayRead = isReadable && (isWritten || write.isIdle)
  if (mayRead) write?.fail(error)
  read?.abandon()
  write?.abandon()
  if (!mayRead) {
    stream.destroy(error)
    return
  }
  if (!isWritten) stream.once('end', () => stream.destroy(error))
}

function isEnding({ stream, write }: StreamSides): boolean {
  return write !== undefined && 'writableEnded' in stream && stream.writableEnded && !write.isOver
}

function abandon({ read, write }: StreamSides): void {
  read?.abandon()
  write?.abandon()
}
