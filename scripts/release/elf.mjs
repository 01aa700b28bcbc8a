/** What an ELF file for Linux says of itself (System V ABI; 64-bit, little-endian), for `verify`. */
export function readElf(bytes) {
  const sections = sectionsOf(bytes)
  const named = (name) => sections.find((section) => section.name === name)
  return {
    machine: bytes.readUInt16LE(0x12),
    exports: exportsOf(bytes, named('.dynsym'), named('.dynstr')),
    libraries: librariesOf(bytes, named('.dynamic'), named('.dynstr')),
    floor: newestGlibc(bytes, named('.dynstr')),
    symbols: named('.symtab') !== undefined,
    debug: sections.some(({ name }) => name.startsWith('.debug_')),
    signed: undefined,
    executableStack: stackFlags(bytes) & EXECUTE,
  }
}

/** The flags of PT_GNU_STACK; without that header the system takes the stack for executable. */
function stackFlags(bytes) {
  const [start, size] = [Number(bytes.readBigUInt64LE(0x20)), bytes.readUInt16LE(0x36)]
  for (let at = start; at < start + size * bytes.readUInt16LE(0x38); at += size)
    if (bytes.readUInt32LE(at) === GNU_STACK) return bytes.readUInt32LE(at + 4)
  return EXECUTE
}

function sectionsOf(bytes) {
  const [start, size] = [Number(bytes.readBigUInt64LE(0x28)), bytes.readUInt16LE(0x3a)]
  const [count, names] = [bytes.readUInt16LE(0x3c), bytes.readUInt16LE(0x3e)]
  const sections = Array.from({ length: count }, (_, index) => {
    const header = start + index * size
    return {
      nameAt: bytes.readUInt32LE(header),
      offset: Number(bytes.readBigUInt64LE(header + 0x18)),
      size: Number(bytes.readBigUInt64LE(header + 0x20)),
    }
  })
  return sections.map((section) => ({ ...section, name: text(bytes, sections[names].offset + section.nameAt) }))
}

/** Symbols that are defined here and can be seen from outside (st_shndx not 0, binding GLOBAL or WEAK). */
function exportsOf(bytes, symbols, strings) {
  const found = []
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    const [binding, section] = [bytes[at + 4] >> 4, bytes.readUInt16LE(at + 6)]
    if (section !== 0 && binding !== 0) found.push(text(bytes, strings.offset + bytes.readUInt32LE(at)))
  }
  return found
}

/** DT_NEEDED of the dynamic section. */
function librariesOf(bytes, dynamic, strings) {
  const found = []
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const [tag, value] = [bytes.readBigUInt64LE(at), bytes.readBigUInt64LE(at + 8)]
    if (tag === 1n) found.push(text(bytes, strings.offset + Number(value)))
  }
  return found
}

/** The newest GLIBC_ version among the names that the dynamic linker looks up. */
function newestGlibc(bytes, strings) {
  const names = bytes.toString('latin1', strings.offset, strings.offset + strings.size).split('\0')
  const versions = names.flatMap((name) => /^GLIBC_(\d+\.\d+(?:\.\d+)?)$/.exec(name)?.[1] ?? [])
  return versions.sort((one, other) => one.localeCompare(other, undefined, { numeric: true })).at(-1)
}

function text(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}

const GNU_STACK = 0x6474e551
const EXECUTE = 1
