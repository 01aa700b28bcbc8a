import { readFileSync } from 'node:fs'
import { libcOf } from './libc.js'

/**
 * Throws for an ELF file that would take the process down with it, or be refused in words that mislead: one whose end is
 * missing or empty, or that is made for another processor or C library. glibc maps a cut file without looking, and the process
 * dies of SIGBUS; musl takes a file of glibc for its own and lacks functions. Other files, and those that are not there, pass;
 * those that may not be read do not.
 */
export function assertLoadable(path: string): void {
  const bytes = contentOf(path)
  if (bytes === undefined) return
  const missing = missingBytes(bytes)
  if (missing > 0) throw new Error(`${missing} bytes are missing at the end of the file`)
  if (bytes.length < HEADER || bytes.readUInt32BE(0) !== MAGIC) return
  if (!hasSections(bytes)) throw new Error('the end of the file is empty')
  const machine = bytes.readUInt16LE(0x12)
  const made = Object.keys(MACHINES).find((arch) => MACHINES[arch] === machine)
  if (made !== undefined && made !== process.arch) throw new Error(`made for ${made}, and Node for ${process.arch}`)
  const libc = bytes.includes(GLIBC) ? 'glibc' : 'musl'
  if (libc !== (libcOf() ?? libc)) throw new Error(`made for ${libc}, and Node for ${libcOf()}`)
}

/** Nothing for a file that `require` will not find either, or that Node's or Deno's permissions hide: it says so itself. */
function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code } = Object(error) as { code?: unknown }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EISDIR') throw error
    return undefined
  }
}

/** Linkers write the section headers last (System V ABI, "ELF header": e_shoff, e_shentsize, e_shnum). */
function missingBytes(bytes: Buffer): number {
  if (bytes.length < HEADER) return HEADER - bytes.length
  return bytes.readUInt32BE(0) === MAGIC ? sectionsOf(bytes).end - bytes.length : 0
}

/** Whether the last section has a type: after a crash of the system, a file's end may be zeros. */
function hasSections(bytes: Buffer): boolean {
  const { end, size } = sectionsOf(bytes)
  return bytes.readUInt32LE(end - size + 4) !== 0
}

function sectionsOf(bytes: Buffer): { readonly end: number; readonly size: number } {
  const size = bytes.readUInt16LE(0x3a)
  return { end: Number(bytes.readBigUInt64LE(0x28)) + size * bytes.readUInt16LE(0x3c), size }
}

const HEADER = 64
const MAGIC = 0x7f454c46

/** The field e_machine, by Node's name of the processor. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 }

/** The start of the versions of glibc's functions, of which every program that uses it names some. */
const GLIBC = 'GLIBC_2.'
