/** Pieces of a connection that can be compared: bytes in order, whole objects, datagrams, whole IP packets. */
export type Kind = 'stream' | 'message' | 'datagram' | 'packet'

/** What the suite asks of a transport, and all it knows of it. */
export interface Stack {
  readonly kinds: readonly Kind[]
  /** An end that listens on `host`, at a port of its own choice; each channel that a peer opens is given to `accept`. */
  open(host: string, kind: Kind, accept: (channel: Channel) => void, options: StackOptions): Promise<End>
}

export interface StackOptions {
  /** In bits per second, told to a transport that wants to know; undefined: it finds out. */
  readonly uplink?: number | undefined
  /** For a transport that can dial in less than one round trip more. */
  readonly early?: boolean | undefined
  /** Whether an end forgets who has left, so that each comes as a stranger again. */
  readonly forgets?: boolean | undefined
}

export interface End {
  /** For another end that dials this one; it goes through `process.send`. */
  readonly address: unknown
  dial(address: never): Promise<Link>
  /** Another end with an identity of its own, which nobody has seen; absent: the end itself has none. */
  another?(): Promise<End>
  /** Adds so many peers that never come; gives the milliseconds that it took. */
  addIdlePeers?(count: number): number
  /** The bytes to all links at once; resolves when there is room for the next. */
  broadcast?(bytes: Uint8Array): Promise<unknown>
  close(): Promise<void>
}

/** A connection. */
export interface Link {
  open(): Promise<Channel>
  close(): Promise<void>
}

export interface Channel {
  /** Resolves when there is room for the next piece; undefined: there is room at once. */
  write(bytes: Uint8Array): Promise<unknown> | undefined
  /** Has each piece given to `take`: an object where the kind has objects, else a chunk. */
  read(take: (bytes: Uint8Array) => void): void
}
