import { lookup } from 'node:dns/promises'
import { canonicalAddress } from '../arguments/endpoint.js'
import { log } from '../events/log.js'
import { type Clock, systemClock, type Timer } from '../waiting/clock.js'
import { type Deferred, defer } from '../waiting/deferred.js'

/** All addresses of a host name, the best first. */
export type Lookup = (host: string) => Promise<readonly string[]>

/**
 * The addresses of host names, for all peers of this thread.
 *
 * There is one lookup at a time: the system's, as every program's, takes one of the two threads that Node has for all of them
 * (half of libuv's four), for as long as a resolver is silent. Names that failed wait for the others, and are asked ever more rarely.
 */
export class Names {
  readonly #clock: Clock
  readonly #lookup: Lookup
  readonly #names = new Map<string, Name>()
  /** To be looked up: those whose last lookup did not fail go first. */
  readonly #queue: Name[] = []
  #isBusy = false

  constructor(clock: Clock, lookup: Lookup = lookupHost) {
    this.#clock = clock
    this.#lookup = lookup
  }

  /**
   * The addresses of a name, best first and the families in turn (RFC 8305 section 4). An answer holds for some seconds, a failure
   * for longer with each. Rejects when the lookup fails, or while no answer comes.
   */
  resolve(host: string): Promise<readonly string[]> {
    const name = this.#name(host)
    if (name.waiting !== undefined) return name.waiting.promise
    if (name.isQueued || this.#clock.now() < name.until) return settled(name)
    const waiting = defer<readonly string[]>()
    name.waiting = waiting
    name.isQueued = true
    name.timer = this.#clock.after(SILENT_AFTER, () => this.#settle(name, new Error(`no answer about ${host} yet`)))
    if (name.failures > 0) this.#queue.push(name)
    else this.#queue.splice(this.#firstFailed(), 0, name)
    void this.#run()
    return waiting.promise
  }

  /** For how many milliseconds the outcome of the last lookup still holds. */
  freshFor(host: string): number {
    return Math.max(0, (this.#names.get(host)?.until ?? 0) - this.#clock.now())
  }

  async #run(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    for (let name = this.#queue.shift(); name !== undefined; name = this.#queue.shift()) {
      const outcome = await this.#ask(name.host)
      name.isQueued = false
      name.failures = outcome instanceof Error ? name.failures + 1 : 0
      log.io?.(`name ${name.host}: ${outcome instanceof Error ? outcome.message : outcome.join(' ')}`)
      name.until = this.#clock.now() + (name.failures === 0 ? FRESH : failedFor(name.failures))
      this.#settle(name, outcome)
    }
    this.#isBusy = false
  }

  /** A lookup cannot be taken back: one that goes on for very long is left alone, and has one of the two threads meanwhile. */
  #ask(host: string): Promise<readonly string[] | Error> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(LOST_AFTER, () => resolve(new Error(`no answer about ${host}`)))
      void this.#answer(host).then((outcome) => {
        timer.cancel()
        resolve(outcome)
      })
    })
  }

  async #answer(host: string): Promise<readonly string[] | Error> {
    try {
      const addresses = await this.#lookup(host)
      if (addresses.length > 0) return inTurn([...new Set(addresses.map(canonicalAddress))])
      return new Error(`${host} has no address`)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #settle(name: Name, outcome: readonly string[] | Error): void {
    name.outcome = outcome
    name.timer?.cancel()
    const { waiting } = name
    name.waiting = undefined
    if (outcome instanceof Error) waiting?.reject(outcome)
    else waiting?.resolve(outcome)
  }

  #firstFailed(): number {
    const first = this.#queue.findIndex(({ failures }) => failures > 0)
    return first === -1 ? this.#queue.length : first
  }

  #name(host: string): Name {
    const known = this.#names.get(host)
    if (known !== undefined) return known
    if (this.#names.size >= MOST_NAMES) this.#forget()
    const name: Name = { host, failures: 0, until: Number.NEGATIVE_INFINITY, isQueued: false, outcome: [] }
    this.#names.set(host, name)
    return name
  }

  /** Forgets names that nobody waits for: the next to ask gets a fresh answer. */
  #forget(): void {
    for (const [host, { isQueued }] of this.#names) if (!isQueued) this.#names.delete(host)
  }
}

interface Name {
  readonly host: string
  /** Lookups in a row that failed. */
  failures: number
  /** Until then the outcome holds. */
  until: number
  isQueued: boolean
  outcome: readonly string[] | Error
  waiting?: Deferred<readonly string[]> | undefined
  timer?: Timer | undefined
}

/** The names of this thread. */
export const names = new Names(systemClock)

/** Addresses, or all endpoints: each family's in their order, one after the other, the first one's first (RFC 8305 section 4). */
export function inTurn(addresses: readonly string[]): readonly string[] {
  const [leader = ''] = addresses
  const isFirst = (address: string): boolean => isV6(address) === isV6(leader)
  const first = addresses.filter(isFirst)
  const second = addresses.filter((address) => !isFirst(address))
  return first
    .flatMap((address, index) => [address, ...second.slice(index, index + 1)])
    .concat(second.slice(first.length))
}

function isV6(address: string): boolean {
  return address.indexOf(':') !== address.lastIndexOf(':')
}

async function settled({ outcome }: Name): Promise<readonly string[]> {
  if (outcome instanceof Error) throw outcome
  return outcome
}

function failedFor(failures: number): number {
  return Math.min(FRESH * 2 ** (failures - 1), FAILED_FOR)
}

async function lookupHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** Life of an answer, in milliseconds: unanswered handshakes are as far apart. */
const FRESH = 5_000

/** Doubled from `FRESH` with each failure in a row. */
const FAILED_FOR = 60_000

/** Nobody waits longer; what is found later is there for the next who asks. Resolvers wait 5 s before they repeat (resolv.conf(5)). */
const SILENT_AFTER = 4_000

/** Longer than the resolver asks three servers twice (resolv.conf(5)). */
const LOST_AFTER = 35_000

/** Kept for their failures, some 200 bytes each. */
const MOST_NAMES = 4_096
