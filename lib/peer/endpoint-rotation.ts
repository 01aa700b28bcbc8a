import { systemZones, type Zones } from '../addon/zones.js'
import { canonicalAddress, type Endpoint, formatEndpoint, type ParsedEndpoint } from '../arguments/endpoint.js'
import { WarrenError } from '../errors.js'
import type { Clock, Timer } from '../waiting/clock.js'
import { tolerated } from '../waiting/deferred.js'
import { inTurn, type Names, names as systemNames } from './names.js'

/** Link from the addresses of a peer to its tunnel. */
export interface EndpointsLink {
  readonly clock: Clock
  /** The tunnel has a session. */
  isUp(): boolean
  /** The list changed: the driver tries these, in this order. Never empty. */
  changed(addresses: readonly Endpoint[]): void
}

/**
 * The addresses at which a peer may be, as its driver gets them: those that are written, those of names, which are resolved again
 * whenever something went unanswered, and link-local ones by the number that their interface has at that moment.
 */
export class Endpoints {
  readonly #link: EndpointsLink
  readonly #names: Names
  readonly #zones: Zones
  #configured: readonly ParsedEndpoint[] = []
  #found: ReadonlyMap<string, readonly string[]> = NONE_FOUND
  #given: readonly Endpoint[] = []
  #failure: unknown
  #retry: Timer | undefined
  #isOver = false

  constructor(link: EndpointsLink, names: Names = systemNames, zones: Zones = systemZones) {
    this.#link = link
    this.#names = names
    this.#zones = zones
  }

  /** There is no endpoint at all. */
  get isEmpty(): boolean {
    return this.#configured.length === 0
  }

  /** The first configured endpoint, as it was written. */
  get first(): Endpoint | undefined {
    const [endpoint] = this.#configured
    return endpoint && formatEndpoint(endpoint.host, endpoint.port)
  }

  /** Takes other endpoints from now on, of which the driver has `knownAddresses` already. */
  configure(endpoints: readonly ParsedEndpoint[]): void {
    this.#configured = endpoints
    this.#found = NONE_FOUND
    this.#failure = undefined
    this.#given = knownAddresses(endpoints, this.#zones)
    if (!endpoints.every(isFixed)) void this.#refresh()
  }

  /** Resolves when the driver has an address to try, if there is any endpoint. Rejects when none can be found now. */
  async locate(): Promise<void> {
    if (this.isEmpty || this.#link.isUp()) return
    const lookups = this.#lookUp()
    if (this.#given.length > 0) return
    await Promise.any(lookups).catch(ignore)
    if (this.#given.length === 0 && !this.isEmpty) throw this.#notFound()
  }

  /** Something went unanswered: looks again where the peer is, and once more when what is known of its names is old. */
  async refresh(): Promise<void> {
    const wait = Math.max(0, ...this.#configured.map(({ host, literal }) => (literal ? 0 : this.#names.freshFor(host))))
    await this.#refresh()
    if (this.#given.length > 0 && wait > 0) this.#retryAfter(wait, () => this.#refresh())
  }

  /** An address of the driver's, by the name of its interface, as it was written if it was. */
  spell(address: Endpoint): Endpoint {
    if (!address.includes('%')) return address
    const written = this.#configured.find((endpoint) => {
      if (endpoint.zone === undefined) return false
      const index = this.#zones.index(endpoint.zone)
      return index !== undefined && address === withZone(endpoint, this.#zones.spell(index))
    })
    return written === undefined ? address : formatEndpoint(written.host, written.port)
  }

  /** The peer is removed, or its device closes. */
  stop(): void {
    this.#isOver = true
    this.#retry?.cancel()
  }

  async #refresh(): Promise<void> {
    if (this.#isOver || this.#configured.every(isFixed)) return
    await Promise.allSettled(this.#lookUp())
    // No attempt will go unanswered and ask for an address of a peer that has none.
    if (this.#given.length === 0) this.#retryAfter(RETRY, () => this.#refresh())
  }

  #lookUp(): Promise<void>[] {
    const configured = this.#configured
    this.#offer()
    const hosts = new Set(configured.filter(({ literal }) => !literal).map(({ host }) => host))
    return Array.from(hosts, (host) => tolerated(this.#resolve(host, configured)))
  }

  async #resolve(host: string, configured: readonly ParsedEndpoint[]): Promise<void> {
    try {
      const addresses = await this.#names.resolve(host)
      if (configured !== this.#configured) return
      this.#found = new Map(this.#found).set(host, addresses)
      this.#offer()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  #offer(): void {
    if (this.#isOver) return
    const addresses = addressesOf(this.#configured, this.#found, this.#zones)
    if (addresses.length === 0 || isSameSet(addresses, this.#given)) return
    this.#given = addresses
    this.#link.changed(addresses)
  }

  #retryAfter(milliseconds: number, retry: () => Promise<void>): void {
    this.#retry?.cancel()
    if (this.#isOver || this.#configured.every(isFixed)) return
    this.#retry = this.#link.clock.after(milliseconds, () => void retry())
  }

  #notFound(): WarrenError {
    const [zone] = this.#configured.flatMap(({ zone }) => (zone === undefined ? [] : [zone]))
    const hosts = this.#configured.map(({ host }) => host).join(', ')
    const cause = this.#failure ?? (zone === undefined ? undefined : new Error(`there is no interface ${zone} now`))
    const message = `No address found for ${hosts}; check the name and this machine's resolver and interfaces`
    return new WarrenError('ERR_WARREN_NAME_NOT_RESOLVED', message, { cause })
  }
}

/** The addresses that are known without asking anyone. */
export function knownAddresses(endpoints: readonly ParsedEndpoint[], zones: Zones = systemZones): readonly Endpoint[] {
  return addressesOf(endpoints, NONE_FOUND, zones)
}

function addressesOf(
  endpoints: readonly ParsedEndpoint[],
  found: ReadonlyMap<string, readonly string[]>,
  zones: Zones,
): readonly Endpoint[] {
  const share = Math.max(1, Math.floor(MOST_ADDRESSES / endpoints.length))
  const addresses = endpoints.flatMap((endpoint) => {
    const { host, port, literal, zone } = endpoint
    if (zone !== undefined) {
      const index = zones.index(zone)
      return index === undefined ? [] : [withZone(endpoint, String(index))]
    }
    const hosts = literal ? [host] : (found.get(host) ?? []).slice(0, share)
    return hosts.map((address) => formatEndpoint(canonicalAddress(address), port))
  })
  return addresses.length < 2 ? addresses : inTurn([...new Set(addresses)])
}

function isFixed({ literal, zone }: ParsedEndpoint): boolean {
  return literal && zone === undefined
}

function withZone({ host, port }: ParsedEndpoint, zone: string): Endpoint {
  return formatEndpoint(host.replace(/%.*$/, `%${zone}`), port)
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const known = new Set(others)
  return some.length === known.size && some.every((one) => known.has(one))
}

const ignore = (): void => {}

const NONE_FOUND: ReadonlyMap<string, readonly string[]> = new Map()

/** Bound over the names of one peer; each that is configured has its share. Tried 5 s apart they are more than anyone waits for. */
const MOST_ADDRESSES = 32

/** Pause of one peer; `Names` decides how often names are asked for. An interface takes a second or so to get its address. */
const RETRY = 1_000
