import { createHash } from 'node:crypto'

/** What a Mach-O file for macOS says of itself (<mach-o/loader.h>; 64-bit), for `verify`. */
export function readMachO(bytes) {
  const commands = commandsOf(bytes)
  const one = (...kinds) => commands.find(({ kind }) => kinds.includes(kind))?.at
  const symbols = one(SYMTAB)
  const version = one(BUILD_VERSION, VERSION_MIN_MACOSX)
  const libraries = commands.filter(({ kind }) => kind === LOAD_DYLIB)
  return {
    machine: bytes.readUInt32LE(4),
    exports: exportsOf(bytes, symbols),
    libraries: libraries.map(({ at }) => text(bytes, at + bytes.readUInt32LE(at + 8))),
    floor:
      version && oldestSystem(bytes.readUInt32LE(version + (bytes.readUInt32LE(version) === BUILD_VERSION ? 12 : 8))),
    symbols: bytes.readUInt32LE(symbols + 12) > 100,
    debug: bytes.includes('__debug_info\0', 0, 'latin1'),
    signed: one(CODE_SIGNATURE) !== undefined && isSigned(bytes, bytes.readUInt32LE(one(CODE_SIGNATURE) + 8)),
  }
}

function commandsOf(bytes) {
  const commands = []
  let at = 32
  for (let count = bytes.readUInt32LE(16); count > 0; count--) {
    commands.push({ kind: bytes.readUInt32LE(at), at })
    at += bytes.readUInt32LE(at + 4)
  }
  return commands
}

/** Symbols that are defined here (N_SECT) and external (N_EXT), and not private to the image (N_PEXT). */
function exportsOf(bytes, symtab) {
  const [start, count, strings] = [8, 12, 16].map((field) => bytes.readUInt32LE(symtab + field))
  const found = []
  for (let at = start; at < start + count * 16; at += 16) {
    const type = bytes[at + 4]
    const isExport = (type & 0xe0) === 0 && (type & 0x0e) === 0x0e && (type & 0x11) === 0x01
    if (isExport) found.push(text(bytes, strings + bytes.readUInt32LE(at)).replace(/^_/, ''))
  }
  return found
}

/** X.Y.Z is in nibbles xxxx.yy.zz. */
function oldestSystem(version) {
  return `${version >>> 16}.${(version >>> 8) & 0xff}`
}

/**
 * Whether the signature at `start` is of these bytes: its CodeDirectory (<xnu/osfmk/kern/cs_blobs.h>) has a SHA-256 of each page.
 * macOS ends a process that loads a page with another one, so a file that was stripped has to be signed anew.
 */
export function isSigned(bytes, start) {
  const blobs = Array.from({ length: bytes.readUInt32BE(start + 8) }, (_, index) => start + 12 + index * 8)
  const entry = blobs.find((at) => bytes.readUInt32BE(at) === CODE_DIRECTORY)
  if (entry === undefined) return false
  const directory = start + bytes.readUInt32BE(entry + 4)
  const [hashes, count, limit] = [16, 28, 32].map((field) => bytes.readUInt32BE(directory + field))
  const page = 1 << bytes[directory + 39]
  return Array.from({ length: count }, (_, index) => index).every((index) => {
    const content = bytes.subarray(index * page, Math.min((index + 1) * page, limit))
    const at = directory + hashes + index * HASH
    return createHash('sha256')
      .update(content)
      .digest()
      .equals(bytes.subarray(at, at + HASH))
  })
}

function text(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}

const SYMTAB = 0x2
const LOAD_DYLIB = 0xc
const CODE_SIGNATURE = 0x1d
const VERSION_MIN_MACOSX = 0x24
const BUILD_VERSION = 0x32
const CODE_DIRECTORY = 0
const HASH = 32
