import type { Lists } from './choice.js'

/** Lists of a peer as it told them, in a hello or in an announcement. */
export interface TheirLists extends Lists {
  /** Counts the changes at the peer; `undefined`: it is of a build that has fixed lists. */
  readonly generation: number | undefined
  readonly transports: readonly string[]
}

/** The newest lists of a peer. An older list never wins, on whichever connection it comes. */
export class NewestLists {
  #newest: TheirLists | undefined
  /** The process that told the newest may have ended: its successor counts anew. */
  #isPast = false

  /** `undefined`: this process never learnt them. */
  get current(): TheirLists | undefined {
    return this.#newest
  }

  /** Takes lists that came; whether they are others than before. */
  learn(lists: TheirLists): boolean {
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

function areEqual(one: TheirLists, other: TheirLists): boolean {
  return facts(one) === facts(other)
}

function facts({ offer, accept, transports }: TheirLists): string {
  return JSON.stringify([offer, accept, transports])
}
