import type { Buffer } from 'node:buffer'
import type { PeerLists } from '../generated/records.js'

/** Reads names from bytes of the addon's: `native/binding/src/encoded.rs` says how they are written. */
export function readNames(bytes: Buffer): readonly string[] {
  return new NameReader(bytes, 0).list()
}

/** Reads a peer's lists from bytes of the addon's. */
export function readLists(bytes: Buffer): PeerLists {
  const generation = bytes.readDoubleLE(0)
  const reader = new NameReader(bytes, GENERATION)
  return {
    generation: Number.isNaN(generation) ? undefined : generation,
    offer: reader.list(),
    accept: reader.list(),
    transports: reader.list(),
  }
}

class NameReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  list(): string[] {
    return Array.from({ length: this.#byte() }, () => this.#name())
  }

  #name(): string {
    const start = this.#at + 1
    this.#at = start + this.#byte()
    return this.#bytes.toString('utf8', start, this.#at)
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#at++)
  }
}

/** Bytes of a generation. */
const GENERATION = 8
