import type { ObjectId } from './objects.js'
import type { Published, Receipt } from './report.js'

/** An object that a node should have and has not, or has and nobody published. */
export interface Discrepancy {
  readonly node: string
  readonly id: ObjectId
}

export interface Verdict {
  /** How many times an object was owed to a node. */
  readonly owed: number
  readonly delivered: number
  readonly lost: readonly Discrepancy[]
  readonly corrupt: readonly Discrepancy[]
}

interface Account {
  readonly published: Set<ObjectId>
  readonly received: Map<ObjectId, number>
  readonly offered: Set<ObjectId>
  linkedAt: number
  isDead: boolean
}

/**
 * Who published what, who has what, and who should.
 *
 * A node owes every object that another published while it was linked to the overlay, and every object that a neighbour
 * held when the two met. A node that was killed owes nothing. What it published is owed to the others if any of them has
 * it: the rest died with it.
 *
 * Sets of ids are compared, not sums: one object twice does not make up for one that is missing.
 */
export class Check {
  readonly #objects = new Map<ObjectId, Published>()
  readonly #accounts = new Map<string, Account>()

  linked(node: string, at: number): void {
    this.#account(node).linkedAt = at
  }

  published(node: string, object: Published): void {
    this.#objects.set(object.id, object)
    this.#account(node).published.add(object.id)
  }

  received(node: string, receipts: readonly Receipt[]): void {
    const account = this.#account(node)
    for (const { id, latency } of receipts) account.received.set(id, latency)
  }

  offered(node: string, ids: readonly ObjectId[]): void {
    const account = this.#account(node)
    for (const id of ids) account.offered.add(id)
  }

  killed(node: string): void {
    this.#account(node).isDead = true
  }

  /**
   * All objects, with the latencies of their arrivals. What a node got from the past when it joined is not among them:
   * it was not there when the object was due.
   */
  *arrivals(): Generator<{ readonly object: Published; readonly latencies: readonly number[] }> {
    for (const object of this.#objects.values()) {
      const latencies: number[] = []
      for (const { received, linkedAt } of this.#accounts.values()) {
        const latency = received.get(object.id)
        if (latency !== undefined && object.due >= linkedAt) latencies.push(latency)
      }
      yield { object, latencies }
    }
  }

  verdict(): Verdict {
    const lost: Discrepancy[] = []
    const corrupt: Discrepancy[] = []
    let owed = 0
    const reached = this.#reached()
    for (const [node, account] of this.#accounts) {
      for (const id of account.received.keys()) if (!this.#objects.has(id)) corrupt.push({ node, id })
      if (account.isDead) continue
      for (const { id, due } of reached) {
        if (account.published.has(id)) continue
        if (due < account.linkedAt && !account.offered.has(id)) continue
        owed += 1
        if (!account.received.has(id)) lost.push({ node, id })
      }
    }
    return { owed, delivered: owed - lost.length, lost, corrupt }
  }

  /** Every object but those that a dead node published and no living node has. */
  #reached(): Published[] {
    const living = [...this.#accounts.values()].filter(({ isDead }) => !isDead)
    const dead = [...this.#accounts.values()].filter(({ isDead }) => isDead)
    return [...this.#objects.values()].filter(
      ({ id }) => !dead.some(({ published }) => published.has(id)) || living.some(({ received }) => received.has(id)),
    )
  }

  #account(node: string): Account {
    const known = this.#accounts.get(node)
    if (known !== undefined) return known
    const account = {
      published: new Set<string>(),
      received: new Map(),
      offered: new Set<string>(),
      linkedAt: Infinity,
      isDead: false,
    }
    this.#accounts.set(node, account)
    return account
  }
}
