/** What the benchmark asks of a transport, and all it knows of it. */
export interface Transport {
  readonly name: string
  /** Which share of the bytes on the wire, Ethernet header to the last, is payload of a 1 MiB object. */
  readonly payloadShare: number
  /** Brings what it needs and does not ship with the package; gives why it cannot be measured here. */
  prepare?(): string | undefined
  /** A node that listens on `host`, at a port of its own choice; `accept` gives who is told of what one peer sends. */
  open(host: string, accept: () => Receiver, options: TransportOptions): Promise<Node>
}

export interface TransportOptions {
  /** In bits per second, told to a transport that wants to know; undefined: it finds out. */
  readonly uplink: number | undefined
}

/** Told of each whole object of a peer. */
export interface Receiver {
  urgent(bytes: Uint8Array): void
  bulk(length: number): void
}

export interface Node {
  /** What another node needs to dial this one; it goes through `process.send`. */
  readonly address: unknown
  dial(address: never): Promise<Line>
  close(): Promise<void>
}

/** The way to one peer. */
export interface Line {
  /** Returns at once. */
  sendUrgent(bytes: Uint8Array): void
  /** Resolves when there is room for the next object. An abort takes back what can be taken back. */
  sendBulk(bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Opens a stream now and sends one urgent object on it, where urgent ones have a stream that stays open. */
  sendFresh?(bytes: Uint8Array): Promise<void>
}
