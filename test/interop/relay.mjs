// A userspace UDP relay between one client and one server: what a hostile or merely bad network does to datagrams.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Longer ones are full packets, the others acknowledgements, keepalives and handshakes. */
const LARGE = 1_000
const KEEPALIVE = 32
const DATA = 4
/** A datagram that is held back lets at most so many others pass, or waits so many milliseconds. */
const PASSED_BY = 4
const HELD = 10

/** Clients send to `host` and `port`. `toServer` and `toClient` tell what became of the datagrams of each direction. */
export class Relay {
  /**
   * `faults` are the shares of datagrams that are lost, held back so that later ones pass them, or doubled, and how many
   * milliseconds each is under way: `{ loss, reorder, duplicate, delay, seed }`. The same seed gives the same fates in the
   * same order.
   */
  static async open({ host = '127.0.0.1', serverPort, faults = {} }) {
    const relay = new Relay(host, serverPort, faults)
    relay.port = await relay.#bind((socket) => (relay.#front = socket))
    await relay.rebind()
    return relay
  }

  port = 0

  #serverPort
  #client
  #front
  #back

  constructor(host, serverPort, faults) {
    this.host = host
    this.#serverPort = serverPort
    const seed = faults.seed ?? 1
    this.toServer = new Direction(faults, seed, (datagram) => this.#back.send(datagram, this.#serverPort, host))
    this.toClient = new Direction(faults, seed + 1, (datagram) => {
      if (this.#client !== undefined) this.#front.send(datagram, this.#client.port, this.#client.address)
    })
  }

  /** The port from which the server sees the client. */
  get outerPort() {
    return this.#back.address().port
  }

  /** Tells where the client is, which has not said anything yet: the server may speak first, to `outerPort`. */
  introduce(clientPort) {
    this.#client = { address: this.host, port: clientPort }
  }

  /** From now on the server sees the client elsewhere, and what it sends to the old place is lost. */
  async rebind() {
    const before = this.#back
    await this.#bind((socket) => (this.#back = socket))
    before?.close()
  }

  /** The last datagrams that came from the client, the newest last. */
  get recorded() {
    return this.toServer.recorded
  }

  /** Waits until nothing is held back any more. */
  async settled() {
    while (this.toServer.holds || this.toClient.holds) await wait(HELD)
  }

  close() {
    this.toServer.close()
    this.toClient.close()
    this.#front.close()
    this.#back.close()
  }

  async #bind(keep) {
    const socket = createSocket({ type: isIPv6(this.host) ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
    socket.bind(0, this.host)
    await once(socket, 'listening')
    keep(socket)
    socket.on('error', () => {}) // the other end is away for a while
    socket.on('message', (datagram, sender) => {
      if (socket === this.#front) {
        this.#client = sender
        this.toServer.take(datagram)
      } else if (socket === this.#back && sender.port === this.#serverPort) this.toClient.take(datagram)
    })
    return socket.address().port
  }
}

class Direction {
  taken = 0
  lost = 0
  /** Of those that are full packets. */
  lostLarge = 0
  heldBack = 0
  doubled = 0
  /** Datagrams of 32 bytes: data, with nothing in it. */
  keepalives = 0
  recorded = []

  #faults
  #random
  #send
  #held = new Set()
  #open = true

  constructor({ loss = 0, reorder = 0, duplicate = 0, delay = 0 }, seed, send) {
    this.#faults = { loss, reorder, duplicate }
    this.#random = generator(seed)
    this.#send = delay === 0 ? send : (datagram) => setTimeout(() => this.#open && send(datagram), delay)
  }

  take(datagram) {
    this.taken++
    if (datagram.length === KEEPALIVE && datagram[0] === DATA) this.keepalives++
    this.recorded.push(datagram)
    if (this.recorded.length > 64) this.recorded.shift()
    // Always three draws, so that the fate of a datagram depends on no other's.
    const [loss, reorder, duplicate] = [this.#random(), this.#random(), this.#random()]
    if (loss < this.#faults.loss) {
      this.lost++
      if (datagram.length >= LARGE) this.lostLarge++
      return
    }
    if (duplicate < this.#faults.duplicate) {
      this.doubled++
      this.#hold(datagram)
    }
    if (reorder < this.#faults.reorder) {
      this.heldBack++
      this.#hold(datagram)
    } else this.#send(datagram)
    for (const held of this.#held) if (--held.passedBy < 0) this.#release(held)
  }

  get holds() {
    return this.#held.size > 0
  }

  close() {
    this.#open = false
    for (const { timer } of this.#held) clearTimeout(timer)
    this.#held.clear()
  }

  #hold(datagram) {
    const held = { datagram, passedBy: 1 + (this.taken % PASSED_BY) }
    held.timer = setTimeout(() => this.#release(held), HELD)
    this.#held.add(held)
  }

  #release(held) {
    clearTimeout(held.timer)
    this.#held.delete(held)
    this.#send(held.datagram)
  }
}

/** Mulberry32: 0 <= x < 1. */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
