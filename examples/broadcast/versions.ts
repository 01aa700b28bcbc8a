/** Versions of what two neighbours say to each other, oldest first. */
export const VERSIONS = ['broadcast/1', 'broadcast/2'] as const

/** The first byte of a message in the second version: no tag of the first one has this value. */
const MARK = 0x02ff

/**
 * The bytes of a message in a version of the protocol. The second one begins with a mark; what an object is, and so its id, does not
 * change with the version that carries it.
 */
export function encode(protocol: string, bytes: Uint8Array): Uint8Array {
  if (protocol !== VERSIONS[1]) return bytes
  const marked = Buffer.allocUnsafe(2 + bytes.length)
  marked.writeUInt16BE(MARK)
  marked.set(bytes, 2)
  return marked
}

/** The message in the bytes that came; empty, which no message is, where they are of another version. */
export function decode(protocol: string, bytes: Buffer): Buffer {
  if (protocol !== VERSIONS[1]) return bytes
  return bytes.length >= 2 && bytes.readUInt16BE() === MARK ? bytes.subarray(2) : bytes.subarray(0, 0)
}
