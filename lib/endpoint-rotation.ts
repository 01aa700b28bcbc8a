import { lookup } from 'node:dns/promises'
import { type Endpoint, formatEndpoint, type ParsedEndpoint } from './endpoint.js'
import { WarrenError } from './errors.js'

/** All addresses of a host name, the best first. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** Which of a peer's endpoints the next attempt goes to: each in turn, and each address of a name in turn. */
export class EndpointRotation {
  readonly #endpoints: readonly ParsedEndpoint[]
  readonly #resolve: Resolve
  #endpoint = 0
  #address = 0
  #addresses = 1

  constructor(endpoints: readonly ParsedEndpoint[], resolve: Resolve = resolveHost) {
    this.#endpoints = endpoints
    this.#resolve = resolve
  }

  /** There is no endpoint at all. */
  get empty(): boolean {
    return this.#endpoints.length === 0
  }

  /** What was configured first, as it was written. */
  get first(): Endpoint | undefined {
    const [endpoint] = this.#endpoints
    return endpoint && formatEndpoint(endpoint.host, endpoint.port)
  }

  /** The endpoint whose turn it is, if it is an address: known without asking anyone. */
  get literal(): Endpoint | undefined {
    const endpoint = this.#endpoints[this.#endpoint]
    return endpoint?.literal ? formatEndpoint(endpoint.host, endpoint.port) : undefined
  }

  /** The address and port to try now. A name that does not resolve gives its turn to the next. Rejects when none resolves. */
  async current(): Promise<Endpoint> {
    let failure: unknown
    for (const _ of this.#endpoints) {
      const endpoint = this.#endpoints[this.#endpoint] as ParsedEndpoint
      try {
        const addresses = endpoint.literal ? [endpoint.host] : await this.#resolve(endpoint.host)
        const address = addresses[this.#address % addresses.length]
        this.#addresses = addresses.length
        if (address !== undefined) return formatEndpoint(address, endpoint.port)
      } catch (error) {
        failure = error
      }
      this.#nextEndpoint()
    }
    const hosts = this.#endpoints.map(({ host }) => host).join(', ')
    throw new WarrenError(
      'ERR_WARREN_NAME_NOT_RESOLVED',
      `No address found for ${hosts}; check the name and this machine's resolver`,
      {
        cause: failure,
      },
    )
  }

  /** The attempt went unanswered: the next one goes elsewhere, if there is elsewhere. */
  advance(): void {
    this.#address += 1
    if (this.#address >= this.#addresses) this.#nextEndpoint()
  }

  #nextEndpoint(): void {
    this.#address = 0
    this.#addresses = 1
    this.#endpoint = (this.#endpoint + 1) % this.#endpoints.length
  }
}

async function resolveHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}
