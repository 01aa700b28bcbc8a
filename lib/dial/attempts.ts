import { getSystemErrorName } from 'node:util'
import type { Endpoint } from '../arguments/endpoint.js'
import type { Tried } from '../errors.js'

/** Initiations that were tried while a dial waited for a handshake. */
export class Attempts {
  readonly #endpoints = new Map<Endpoint, { times: number; errno: number | undefined }>()

  /** An initiation to there went unanswered. */
  unanswered(to: Endpoint): void {
    this.#note(to, undefined)
  }

  /** The system refused to send one, with this positive error number. */
  unreachable(to: Endpoint, errno: number): void {
    this.#note(to, errno)
  }

  /** All of it, in the order in which the endpoints were last asked. `waiting` is where an initiation is on its way, unless it was refused. */
  tried(waiting: Endpoint | undefined): readonly Tried[] {
    const all = new Map(this.#endpoints)
    const last = waiting === undefined ? undefined : all.get(waiting)
    if (waiting !== undefined && last?.errno === undefined)
      all.set(waiting, { times: (last?.times ?? 0) + 1, errno: undefined })
    return Array.from(all, ([endpoint, { times, errno }]) => ({
      endpoint,
      times,
      error: errno === undefined ? undefined : systemErrorName(errno),
    }))
  }

  /** The system's refusals, as Node would have them: one, or all of them together. */
  cause(): Error | undefined {
    const errors = Array.from(this.#endpoints).flatMap(([endpoint, { errno }]) =>
      errno === undefined ? [] : [refusal(endpoint, errno)],
    )
    return errors.length > 1 ? new AggregateError(errors, 'The system sends to none of these addresses') : errors[0]
  }

  #note(to: Endpoint, errno: number | undefined): void {
    const times = (this.#endpoints.get(to)?.times ?? 0) + 1
    this.#endpoints.delete(to)
    this.#endpoints.set(to, { times, errno })
    if (this.#endpoints.size <= MOST_ENDPOINTS) return
    for (const oldest of this.#endpoints.keys()) {
      this.#endpoints.delete(oldest)
      return
    }
  }
}

function refusal(endpoint: Endpoint, errno: number): Error {
  const code = systemErrorName(errno)
  return Object.assign(new Error(`send ${code} ${endpoint}`), { code, errno: -errno, syscall: 'send' })
}

/** The system's name of an error, by its positive number. */
export function systemErrorName(errno: number): string {
  return getSystemErrorName(-errno)
}

/** More than a peer has, mostly; past them the one that was not asked for longest is left out. */
const MOST_ENDPOINTS = 16
