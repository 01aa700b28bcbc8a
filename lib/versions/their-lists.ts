import type { PeerLists } from '../driver.js'

/** The newest lists of a peer. An older list never wins, on whichever connection it comes. */
export class NewestLists {
  #newest: PeerLists | undefined
  /** The process that told the newest may have ended: its successor counts anew. */
  #isPast = false

  /** `undefined`: this process never learnt them. */
  get current(): PeerLists | undefined {
    return this.#newest
  }

  /** Takes lists that came; whether they are others than before. */
  learn(lists: PeerLists): boolean {
    const before = this.#newest
    const isNewer = before === undefined || this.#isPast || (lists.generation ?? 0) > (before.generation ?? 0)
    if (!isNewer) return false
    this.#newest = lists
    this.#isPast = false
    return before === undefined || !areEqual(before, lists)
  }

  /** The peer has no connection any more. Its lists stay known. */
  left(): void {
    this.#isPast = true
  }
}

function areEqual(one: PeerLists, other: PeerLists): boolean {
  return facts(one) === facts(other)
}

function facts({ offer, accept, transports }: PeerLists): string {
  return JSON.stringify([offer, accept, transports])
}
