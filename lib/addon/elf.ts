import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * Throws for an ELF file whose end is missing. glibc maps such a file without looking, and the process dies of SIGBUS.
 * Its section headers, which linkers write last, are what is looked for. A file that cannot be read passes.
 */
export function assertWhole(path: string): void {
  const cut = missingBytes(path)
  if (cut > 0) throw new Error(`${cut} bytes are missing at the end of the file`)
}

function missingBytes(path: string): number {
  try {
    const file = openSync(path, 'r')
    try {
      const header = Buffer.alloc(HEADER)
      const { size } = fstatSync(file)
      if (readSync(file, header, 0, HEADER, 0) < HEADER) return HEADER - size
      if (header.readUInt32BE(0) !== MAGIC) return 0
      return sectionsEnd(header) - size
    } finally {
      closeSync(file)
    }
  } catch {
    return 0
  }
}

/** The fields e_shoff, e_shentsize and e_shnum of a 64-bit little-endian file (System V ABI, "ELF header"). */
function sectionsEnd(header: Buffer): number {
  return Number(header.readBigUInt64LE(0x28)) + header.readUInt16LE(0x3a) * header.readUInt16LE(0x3c)
}

const HEADER = 64
const MAGIC = 0x7f454c46
