import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Device } from 'warren'
import { echoPacket, parseEcho } from './icmp.mjs'

/** A warren device whose one peer is a plain WireGuard device: answers ICMP echo, and pings, with raw packets. */
export class WarrenEnd {
  /** `options` are the device's; `peer` those of `addPeer`; `addresses` its own inside the tunnel, IPv4 and IPv6. */
  static async open({ peer, addresses, ...options }) {
    const device = await Device.open({ listen: { host: '127.0.0.1' }, ...options })
    return new WarrenEnd(device, device.addPeer(peer), addresses)
  }

  /** What became of the tunnel, by the names of the device's 'peer' events. */
  events = []
  answered = 0

  #id = randomBytes(2).readUInt16BE()
  #sequence = 0
  #waiting = new Map()

  constructor(device, peer, addresses) {
    this.device = device
    this.peer = peer
    this.addresses = addresses
    device.on('peer', (event) => this.events.push(event))
    peer.on('packet', (packet) => this.#receive(packet))
  }

  get port() {
    return this.device.address.port
  }

  /** Sends one echo request to the inner address `to`, and resolves with the milliseconds until its reply. */
  ping(to, { size = 56, timeout = 5_000 } = {}) {
    const from = this.addresses.find((address) => address.includes(':') === to.includes(':'))
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

  /** What a failure is to be understood from: the tunnel's events, and every counter that counted. */
  story() {
    const counted = Object.entries({ ...this.device.stats(), ...this.peer.stats() }).filter(([, value]) => value !== 0)
    const counters = counted.map(([name, value]) => `${name} ${Math.round(value)}`).join(', ')
    return `events: ${this.events.map(({ type }) => type).join(', ')}\ncounters: ${counters}`
  }

  close() {
    return this.device.close()
  }

  #receive(packet) {
    const echo = parseEcho(packet)
    if (echo === undefined) return
    if (echo.reply) {
      if (echo.id === this.#id) this.#waiting.get(echo.sequence)?.(echo)
      return
    }
    this.answered++
    const { from, to, id, sequence, payload } = echo
    this.peer.sendPacket(echoPacket({ from: to, to: from, reply: true, id, sequence, payload }))
  }
}
