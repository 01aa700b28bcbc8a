import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, integer, optional, parseOptions, text } from '../arguments/options.js'
import type { Connection, ConnectionReceiver } from '../connection/connection.js'
import type { ConnectionRoutes } from '../connection/connection-routes.js'
import { type Outgoing, parseMessage, SEND_CHECKS, type SendOptions } from '../outbox/send-options.js'
import type { SharedBytes, Waiter } from '../outbox/sent.js'
import type { Peer } from '../peer/peer.js'
import type { Runtime } from '../runtime.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { defer } from '../waiting/deferred.js'

/** Options of `broadcast`, beside those of `send`. */
export interface BroadcastOptions extends SendOptions {
  /** Connections that get the message. Default: one of each peer that is connected in `protocol`. */
  readonly to?: Iterable<Connection> | undefined
  /** Protocol of the message, where `to` is left out. Default: the device's only one; where it has several it must be named. */
  readonly protocol?: string | undefined
  /** A connection that does not get the message: the one that it came from. Default: none. */
  readonly except?: Connection | undefined
  /**
   * Time to wait for room in a full lane, in milliseconds; past it the message is 'dropped', for that connection alone. Default: as
   * long as the connection lives.
   */
  readonly patience?: number | undefined
}

/** The message as it was sent on each connection, with its outcome in `settled`. */
export type BroadcastResults = ReadonlyMap<Connection, Outgoing>

/** Copies `bytes` once and queues them for each connection. Resolves when each has admitted them or given them up. */
export function broadcast(
  runtime: Runtime,
  connections: ConnectionRoutes,
  bytes: Uint8Array,
  options: BroadcastOptions,
): Promise<BroadcastResults> {
  const { to, except, patience, ...how } = parseBroadcast(runtime.protocols, connections, options)
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

function parseBroadcast(protocols: readonly string[], connections: ConnectionRoutes, options: BroadcastOptions) {
  const connection: Check<Connection> = (value, name) => {
    if (connections.of(value as Connection) === undefined) throw wrongType(name, 'a connection of this device', value)
    return value as Connection
  }
  const targets: Check<Map<Connection, ConnectionReceiver>> = (value, name) => {
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value))
      throw wrongType(name, 'an iterable of connections', value)
    const found = new Map<Connection, ConnectionReceiver>()
    for (const one of value as Iterable<unknown>) {
      const receiver = connections.of(connection(one, `an item of ${name}`))
      if (receiver !== undefined) found.set(receiver.connection, receiver)
    }
    return found
  }
  const parsed = parseOptions('options', options, {
    ...SEND_CHECKS,
    to: optional(targets, undefined),
    protocol: optional(text, undefined),
    except: optional(connection, undefined),
    patience: optional(integer(0, LONGEST_TIMER, 'milliseconds'), Number.POSITIVE_INFINITY),
  })
  const { to, protocol, ...rest } = parsed
  if (to !== undefined && protocol !== undefined)
    throw outOfRange('options.protocol', 'left out where options.to says to whom', protocol)
  return { ...rest, to: to ?? allIn(theProtocol(protocol, protocols), connections.live) }
}

/** A message of one protocol must not come out of another. */
function theProtocol(named: string | undefined, protocols: readonly string[]): string {
  const [only] = protocols
  if (named !== undefined) return named
  if (only !== undefined && protocols.length === 1) return only
  const names = protocols.map((protocol) => `'${protocol}'`).join(' or ')
  const expected =
    names === '' ? 'a protocol, for the device has none of its own' : `${names}, for the device has several`
  throw outOfRange('options.protocol', expected, named)
}

/** One connection of each peer: an open one, if it has one. */
function allIn(protocol: string, receivers: Iterable<ConnectionReceiver>): Map<Connection, ConnectionReceiver> {
  const chosen = new Map<Peer, ConnectionReceiver>()
  for (const receiver of receivers) {
    const { peer, protocol: spoken } = receiver.connection
    if (spoken === protocol && !chosen.get(peer)?.connection.isOpen) chosen.set(peer, receiver)
  }
  return new Map(Array.from(chosen.values(), (receiver) => [receiver.connection, receiver]))
}
