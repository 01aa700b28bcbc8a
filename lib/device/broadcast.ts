import { outOfRange, wrongType } from '../arguments/argument-error.js'
import { type Check, integer, optional, parseOptions, text } from '../arguments/options.js'
import type { Connection, ConnectionReceiver } from '../connection/connection.js'
import type { ConnectionRoutes } from '../connection/connection-routes.js'
import { type Outgoing, parseMessage, SEND_CHECKS, type SendOptions } from '../outbox/send-options.js'
import type { SharedBytes, Waiter } from '../outbox/sent.js'
import type { Peer } from '../peer/peer.js'
import type { Runtime } from '../runtime.js'
import type { Families } from '../versions/families.js'
import { LONGEST_TIMER } from '../waiting/clock.js'
import { defer } from '../waiting/deferred.js'

/** Makes the bytes of a message for one version of its protocol: called once for each that is spoken. */
export type Encode = (to: Encoding) => Uint8Array

/** The version that a message is encoded for. */
export interface Encoding {
  /** The application protocol of the connections that get it. */
  readonly protocol: string
}

/** Options of `broadcast`, beside those of `send`. */
export interface BroadcastOptions extends SendOptions {
  /** Connections that get the message. Default: one of each peer that is connected in `protocol`. */
  readonly to?: Iterable<Connection> | undefined
  /**
   * Protocol of the message, where `to` is left out; of a message that is encoded for each version, any version of its family. Default: the
   * device's only one, or only family; where it has several it must be named.
   */
  readonly protocol?: string | undefined
  /** A connection that does not get the message: the one that it came from. Its peer does not get it on another one of the family either. Default: none. */
  readonly except?: Connection | undefined
  /**
   * Time to wait for room in a full lane, in milliseconds; past it the message is 'dropped', for that connection alone. Default: as
   * long as the connection lives.
   */
  readonly patience?: number | undefined
}

/** The message as it was sent on each connection, with its outcome in `settled`. */
export type BroadcastResults = ReadonlyMap<Connection, Outgoing>

/**
 * Copies the bytes once, of each version where they are encoded, and queues them for each connection. Resolves when each has admitted them
 * or given them up.
 */
export function broadcast(
  runtime: Runtime,
  connections: ConnectionRoutes,
  message: Uint8Array | Encode,
  options: BroadcastOptions,
): Promise<BroadcastResults> {
  const { to, except, patience, ...how } = parseBroadcast(runtime, connections, typeof message === 'function', options)
  const encode =
    typeof message === 'function' ? encoded(message, runtime) : always(parseMessage(message, runtime.limits))
  if (how.signal?.aborted) return Promise.reject(how.signal.reason)
  if (runtime.isClosing) return Promise.reject(runtime.closedError())
  if (except !== undefined) leaveOut(to, except, options.to === undefined, runtime.settings.families)
  const results = new Map<Connection, Outgoing>()
  if (to.size === 0) return Promise.resolve(results)
  // Whatever encoding throws, nothing has left.
  const bytes = Array.from(to.values(), ({ connection: { protocol } }) => encode(protocol))

  const { driver } = runtime
  const copies = new Map<Uint8Array, SharedBytes>()
  const copyOf = (each: Uint8Array): SharedBytes => {
    const copy = copies.get(each) ?? { share: driver.share(each), byteLength: each.byteLength }
    copies.set(each, copy)
    return copy
  }
  const end = defer<BroadcastResults>()
  let waiting = 1
  const isOver = (): void => {
    waiting -= 1
    if (waiting > 0) return
    if (runtime.isOpen) for (const { share } of copies.values()) driver.unshare(share)
    end.resolve(results)
  }
  const waiter: Waiter = { resolve: isOver, reject: isOver }
  let index = 0
  for (const [connection, receiver] of to) {
    const { outgoing, waits } = receiver.post(copyOf(bytes[index++] as Uint8Array), how, patience, waiter)
    results.set(connection, outgoing)
    if (waits) waiting += 1
  }
  isOver()
  return end.promise
}

function always(bytes: Uint8Array): (protocol: string) => Uint8Array {
  return () => bytes
}

/** Encodes once for each protocol. */
function encoded(encode: Encode, { limits }: Runtime): (protocol: string) => Uint8Array {
  const known = new Map<string, Uint8Array>()
  return (protocol) => {
    const bytes = known.get(protocol) ?? parseMessage(encode({ protocol }), limits)
    known.set(protocol, bytes)
    return bytes
  }
}

/** A message comes back to no peer by another connection of the family, as it might while that moves. */
function leaveOut(
  to: Map<Connection, ConnectionReceiver>,
  except: Connection,
  isToAll: boolean,
  families: Families,
): void {
  to.delete(except)
  if (!isToAll) return
  for (const connection of to.keys())
    if (connection.peer === except.peer && families.areOne(connection.protocol, except.protocol)) to.delete(connection)
}

function parseBroadcast(
  { settings: { lists, families } }: Runtime,
  connections: ConnectionRoutes,
  isEncoded: boolean,
  options: BroadcastOptions,
) {
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
  if (to !== undefined) return { ...rest, to }
  const own = [...new Set([...lists.offer, ...lists.accept])]
  const names = isEncoded ? firstOfEach(own, families) : own
  const named = theProtocol(protocol, names)
  return {
    ...rest,
    to: allIn((spoken) => (isEncoded ? families.areOne(spoken, named) : spoken === named), connections.live),
  }
}

/** One version of each family. */
function firstOfEach(protocols: readonly string[], families: Families): readonly string[] {
  return protocols.filter(
    (protocol, index) => protocols.findIndex((other) => families.areOne(protocol, other)) === index,
  )
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

/** One connection of each peer: an open one that has not given way to another, if it has one. */
function allIn(
  isMeant: (protocol: string) => boolean,
  receivers: Iterable<ConnectionReceiver>,
): Map<Connection, ConnectionReceiver> {
  const chosen = new Map<Peer, ConnectionReceiver>()
  for (const receiver of receivers) {
    const { peer, protocol, replacedBy } = receiver.connection
    if (isMeant(protocol) && replacedBy === undefined && !chosen.get(peer)?.connection.isOpen)
      chosen.set(peer, receiver)
  }
  return new Map(Array.from(chosen.values(), (receiver) => [receiver.connection, receiver]))
}
