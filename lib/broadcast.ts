import { wrongType } from './argument-error.js'
import type { Connection, ConnectionReceiver } from './connection.js'
import { defer } from './deferred.js'
import { type Outgoing, parseMessage, SEND_CHECKS, type SendOptions } from './message.js'
import { type Check, integer, LONGEST_TIMER, optional, parseOptions } from './options.js'
import type { Runtime } from './runtime.js'
import type { SharedBytes, Waiter } from './sent.js'

/** How a message leaves to many connections. */
export interface BroadcastOptions extends SendOptions {
  /** To whom. Default: all connections of the device. */
  readonly to?: Iterable<Connection> | undefined
  /** One of them that is left out: the one that it came from. */
  readonly except?: Connection | undefined
  /**
   * Where the lane is full for longer than this, in milliseconds, the message is 'dropped', for that connection alone. Default: it
   * waits as long as the connection lives.
   */
  readonly patience?: number | undefined
}

/** What came of a broadcast so far, for each connection. */
export type BroadcastResults = ReadonlyMap<Connection, Outgoing>

/** Copies `bytes` once and queues them for each connection. Resolves when each has admitted them or given them up. */
export function broadcast(runtime: Runtime, bytes: Uint8Array, options: BroadcastOptions): Promise<BroadcastResults> {
  const { to, except, patience, ...how } = parseBroadcast(runtime, options)
  const message = parseMessage(bytes, runtime.limits)
  if (how.signal?.aborted) return Promise.reject(how.signal.reason)
  if (runtime.isClosing) return Promise.reject(runtime.closedError())
  if (except !== undefined) to.delete(except)
  const results = new Map<Connection, Outgoing>()
  if (to.size === 0) return Promise.resolve(results)

  const { driver } = runtime
  const shared: SharedBytes = { share: driver.share(message), byteLength: message.byteLength }
  const end = defer<BroadcastResults>()
  let waiting = 1
  const isOver = (): void => {
    waiting -= 1
    if (waiting > 0) return
    if (runtime.isOpen) driver.unshare(shared.share)
    end.resolve(results)
  }
  const waiter: Waiter = { resolve: isOver, reject: isOver }
  for (const [connection, receiver] of to) {
    const { outgoing, waits } = receiver.post(shared, how, patience, waiter)
    results.set(connection, outgoing)
    if (waits) waiting += 1
  }
  isOver()
  return end.promise
}

function parseBroadcast({ routes }: Runtime, options: BroadcastOptions) {
  const connection: Check<Connection> = (value, name) => {
    if (!routes.receivers.has(value as Connection)) throw wrongType(name, 'a connection of this device', value)
    return value as Connection
  }
  const targets: Check<Map<Connection, ConnectionReceiver>> = (value, name) => {
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value))
      throw wrongType(name, 'an iterable of connections', value)
    const found = new Map<Connection, ConnectionReceiver>()
    for (const one of value as Iterable<unknown>) {
      const receiver = routes.receivers.get(connection(one, `an item of ${name}`))
      if (receiver !== undefined) found.set(receiver.connection, receiver)
    }
    return found
  }
  const parsed = parseOptions('options', options, {
    ...SEND_CHECKS,
    to: optional(targets, undefined),
    except: optional(connection, undefined),
    patience: optional(integer(0, LONGEST_TIMER, 'milliseconds'), Number.POSITIVE_INFINITY),
  })
  return { ...parsed, to: parsed.to ?? allOf(routes.connections.values()) }
}

function allOf(receivers: Iterable<ConnectionReceiver>): Map<Connection, ConnectionReceiver> {
  return new Map(Array.from(receivers, (receiver) => [receiver.connection, receiver]))
}
