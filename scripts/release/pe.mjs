/** What a PE file for Windows says of itself (Microsoft's "PE Format"; PE32+), for `verify`. */
export function readPe(bytes) {
  const header = bytes.readUInt32LE(0x3c)
  const sections = sectionsOf(bytes, header)
  const directory = (index) => bytes.readUInt32LE(header + 24 + 112 + index * 8)
  return {
    machine: bytes.readUInt16LE(header + 4),
    exports: exportsOf(bytes, sections, directory(0)),
    libraries: librariesOf(bytes, sections, directory(1)),
    floor: undefined,
    // Its names are in a file of their own.
    symbols: undefined,
    debug: sections.some(({ name }) => name.startsWith('.debug')),
    signed: undefined,
  }
}

function sectionsOf(bytes, header) {
  const start = header + 24 + bytes.readUInt16LE(header + 20)
  return Array.from({ length: bytes.readUInt16LE(header + 6) }, (_, index) => {
    const at = start + index * 40
    const [size, address, , offset] = [8, 12, 16, 20].map((field) => bytes.readUInt32LE(at + field))
    return { name: bytes.toString('latin1', at, at + 8), size, address, offset }
  })
}

function exportsOf(bytes, sections, address) {
  if (address === 0) return []
  const table = at(sections, address)
  const names = at(sections, bytes.readUInt32LE(table + 32))
  return Array.from({ length: bytes.readUInt32LE(table + 24) }, (_, index) =>
    text(bytes, at(sections, bytes.readUInt32LE(names + index * 4))),
  )
}

function librariesOf(bytes, sections, address) {
  const found = []
  for (let entry = at(sections, address); bytes.readUInt32LE(entry + 12) !== 0; entry += 20) {
    found.push(text(bytes, at(sections, bytes.readUInt32LE(entry + 12))))
  }
  return found
}

/** Where the file has what is at an address of the loaded image. */
function at(sections, address) {
  const section = sections.find((one) => address >= one.address && address < one.address + one.size)
  return address - section.address + section.offset
}

function text(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}
