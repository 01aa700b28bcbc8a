import { appendFile, readFile } from 'node:fs/promises'

/** All that a node has to know of another: who it is, and where to try. */
export interface Entry {
  readonly publicKey: string
  readonly endpoint: string
}

/**
 * Who belongs to the network: a file with one JSON line per node.
 *
 * It stands for "the keys were authenticated by other means": a staking ledger, a directory, a list that an operator keeps.
 */
export class Registry {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Appends one line. Appends of this size are atomic, so nodes may register at the same time. */
  async register(entry: Entry): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(entry)}\n`)
  }

  /** All entries, oldest first. */
  async entries(): Promise<Entry[]> {
    const text = await readFile(this.#path, 'utf8')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry)
  }

  async has(publicKey: string): Promise<boolean> {
    return (await this.entries()).some((entry) => entry.publicKey === publicKey)
  }
}
