import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Device } from 'warren'
import { echoPacket, parseEcho } from './icmp.mjs'
import { StreamReceiver, sendStream } from './stream.mjs'
import { parseUdp, udpPacket } from './udp.mjs'

/** A warren device whose one peer is a plain WireGuard device: answers ICMP echo, pings and streams, with raw packets. */
export class WarrenEnd {
  /** `options` are the device's; `peer` those of `addPeer`; `addresses` its own inside the tunnel, IPv4 and IPv6. */
  static async open({ peer, addresses, ...options }) {
    const device = await Device.open(options)
    return new WarrenEnd(device, device.addPeer(peer), addresses)
  }

  /** What became of the tunnel, by the names of the device's 'peer' events, and when: `performance.now()`. */
  events = []
  answered = 0
  /** Packets that came out of the tunnel. */
  delivered = 0
  /** Whether echo requests are answered. */
  answers = true

  #id = randomBytes(2).readUInt16BE()
  #sequence = 0
  #waiting = new Map()
  #sockets = new Map()

  constructor(device, peer, addresses) {
    this.device = device
    this.peer = peer
    this.addresses = addresses
    device.on('peer', (event) => this.events.push({ ...event, at: performance.now() }))
    peer.on('packet', (packet) => this.#receive(packet))
  }

  get port() {
    return this.device.address.port
  }

  /** When it got a session: the first, and each that replaced one. */
  get sessions() {
    return this.events.filter(({ type }) => type === 'up' || type === 'rekeyed').map(({ at }) => at)
  }

  /** Sends one echo request to the inner address `to`, and resolves with the milliseconds until its reply. */
  ping(to, { size = 56, timeout = 20_000 } = {}) {
    const from = this.#own(to)
    const sequence = this.#sequence++ & 0xffff
    const payload = randomBytes(size)
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(sequence)
        reject(new Error(`warren got no echo from ${to} within ${timeout} ms`))
      }, timeout)
      const settle = (echo) => {
        clearTimeout(timer)
        this.#waiting.delete(sequence)
        if (echo.payload.equals(payload) && echo.from === to) resolve(performance.now() - began)
        else reject(new Error(`${echo.payload.length} bytes from ${echo.from} answered ${size} bytes to ${to}`))
      }
      this.#waiting.set(sequence, settle)
      assert.ok(this.peer.sendPacket(echoPacket({ from, to, id: this.#id, sequence, payload })), 'the queue is full')
    })
  }

  /** Sends one UDP datagram to the inner address `to`, which nobody there waits for. */
  say(to, payload = Buffer.alloc(8)) {
    const packet = udpPacket({ from: this.#own(to), to, fromPort: DISCARD, toPort: DISCARD, payload })
    assert.ok(this.peer.sendPacket(packet), 'the queue is full')
  }

  /** Sends a stream, as `sendStream` has it, between inner ports of the same number. */
  send({ to, port, ...stream }) {
    return sendStream(this.#socket(port, to), stream)
  }

  /** Begins to receive a stream from the inner address `from`; gives the function that tells what has arrived. */
  receive({ from, port }) {
    const receiver = new StreamReceiver(this.#socket(port, from))
    return () => receiver.received
  }

  /** What a failure is to be understood from: the tunnel's events, and every counter that counted. */
  story() {
    const counted = Object.entries({ ...this.device.stats(), ...this.peer.stats() }).filter(([, value]) => value > 0)
    const counters = counted.map(([name, value]) => `${name} ${Math.round(value)}`).join(', ')
    const events = this.events.map(({ type, at }) => `${type} at ${seconds(at)}`).join(', ')
    return `warren: ${events}\n  ${counters}`
  }

  close() {
    return this.device.close()
  }

  #own(to) {
    return this.addresses.find((address) => address.includes(':') === to.includes(':'))
  }

  #socket(port, remote) {
    const from = this.#own(remote)
    const socket = {
      onPayload: () => {},
      send: (payload) => this.peer.sendPacket(udpPacket({ from, to: remote, fromPort: port, toPort: port, payload })),
    }
    this.#sockets.set(port, socket)
    return socket
  }

  #receive(packet) {
    this.delivered++
    const udp = parseUdp(packet)
    if (udp !== undefined) {
      this.#sockets.get(udp.toPort)?.onPayload(udp.payload)
      return
    }
    const echo = parseEcho(packet)
    if (echo === undefined) return
    if (echo.reply) {
      if (echo.id === this.#id) this.#waiting.get(echo.sequence)?.(echo)
      return
    }
    if (!this.answers) return
    this.answered++
    const { from, to, id, sequence, payload } = echo
    this.peer.sendPacket(echoPacket({ from: to, to: from, reply: true, id, sequence, payload }))
  }
}

/** As all times in a story: since the process began. */
export function seconds(at) {
  return `${(at / 1000).toFixed(2)} s`
}

/** RFC 863. */
const DISCARD = 9
