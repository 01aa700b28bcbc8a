import { type Deferred, defer, tolerated } from '../waiting/deferred.js'

/** The peer's word that it took a connection, which comes late where the dialler had the connection before. */
export class Confirmation {
  readonly promise: Promise<void>
  #pending: Deferred<void> | undefined

  constructor(isPending: boolean) {
    this.#pending = isPending ? defer() : undefined
    this.promise = this.#pending === undefined ? DONE : tolerated(this.#pending.promise)
  }

  get isPending(): boolean {
    return this.#pending !== undefined
  }

  came(): void {
    this.#pending?.resolve()
    this.#pending = undefined
  }

  /** It does not come any more. The error is made where somebody waits. */
  failed(error: () => Error): void {
    this.#pending?.reject(error())
    this.#pending = undefined
  }
}

const DONE = Promise.resolve()
