import type { ScriptDevice } from '../../native/binding.js'
import { systemZones, type Zones } from '../addon/zones.js'

/** Destination of a datagram. */
export interface Remote {
  readonly host: string
  readonly port: number
}

/** The numbers that the addon gives addresses, so that none is spelled or parsed twice. */
export class Paths {
  readonly #device: ScriptDevice
  readonly #mapped: boolean
  readonly #zones: Zones
  readonly #numbers = new Map<string, number>()
  readonly #remotes = new Map<number, Remote>()

  /** `mapped`: the socket is an IPv6 one, where IPv4 addresses are spelled as IPv6's (RFC 4291 section 2.5.5.2). */
  constructor(device: ScriptDevice, mapped: boolean, zones: Zones = systemZones) {
    this.#device = device
    this.#mapped = mapped
    this.#zones = zones
  }

  /** The number of an address as the socket spells it. Calls `before` when all numbers up to now become void. */
  number(host: string, port: number, before: () => void): number {
    const [ip = '', zone] = host.split('%')
    // An interface that went and came again has another number.
    const scope = zone === undefined ? 0 : (this.#zones.index(zone) ?? 0)
    const key = `${ip} ${port} ${scope}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.#numbers.size >= MOST_PATHS || this.#remotes.size >= MOST_PATHS) {
      before()
      this.#numbers.clear()
      this.#remotes.clear()
      this.#device.forgetPaths()
    }
    const number = this.#device.path(ip, port, scope)
    this.#numbers.set(key, number)
    if (zone === undefined) this.#remotes.set(number, { host, port })
    return number
  }

  /** The address of a number that `transmit` gave. */
  remote(number: number): Remote | undefined {
    const known = this.#remotes.get(number)
    if (known !== undefined) return known
    const host = this.#device.pathHost(number)
    const port = this.#device.pathPort(number)
    if (host === null || port === null) return undefined
    const scope = this.#device.pathScope(number)
    if (scope !== 0) return { host: `${host}%${this.#zones.spell(scope)}`, port }
    const remote = { host: this.#mapped && !host.includes(':') ? `::ffff:${host}` : host, port }
    this.#remotes.set(number, remote)
    return remote
  }
}

/** Strangers can pretend to come from anywhere. */
const MOST_PATHS = 16_384
