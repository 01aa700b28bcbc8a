import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { root } from '../build/root.mjs'
import { readElf } from './elf.mjs'
import { readMachO } from './mach-o.mjs'
import { readPe } from './pe.mjs'
import { targets } from './targets.mjs'

const readers = { elf: readElf, 'mach-o': readMachO, pe: readPe }
const magic = { elf: '7f454c46', 'mach-o': 'cffaedfe', pe: '4d5a' }

/** Of an addon, so that a program of it all stays a small download. */
const LARGEST_ADDON = 3 * 1024 * 1024

/** The system's own libraries that an addon may ask for: all others would have to be installed. */
const LIBRARIES = {
  glibc: /^(libc\.so\.6|lib(pthread|dl|m|rt|util)\.so\.\d|ld-linux[\w-]*\.so\.\d)$/,
  musl: /^libc(\.musl-\w+)?\.so(\.1)?$/,
  'mach-o': /^\/(usr\/lib\/lib(System\.B|iconv\.2|charset\.1|resolv\.9)\.dylib|System\/Library\/Frameworks\/)/,
  pe: /^(kernel32|ntdll|ws2_32|bcryptprimitives|bcrypt|advapi32|user32|userenv|node|libnode|msvcrt|api-ms-win-[\w-]+)(\.dll|\.exe)$/i,
}

/** What is wrong with the file at `path` as the addon of a target: sentences, none where all is right. */
export function verify(name, path) {
  const bytes = readFileSync(path)
  const target = targets[name]
  if (!bytes.toString('hex', 0, 4).startsWith(magic[target.format])) return [`is no ${target.format} file`]
  const found = readers[target.format](bytes)
  const allowed = LIBRARIES[target.libc ?? target.format]
  return [
    [found.machine !== target.machine, `is for processor ${found.machine}, not ${target.machine}`],
    [bytes.length > LARGEST_ADDON, `has ${bytes.length} bytes; ${LARGEST_ADDON} are the most`],
    [Boolean(found.executableStack), 'asks for an executable stack, and glibc 2.41 loads none that does'],
    [bytes.includes('provokePanic', 0, 'latin1'), 'has a command that provokes a panic'],
    [found.debug, 'has debug information'],
    [found.symbols === false, 'has no names of functions'],
    [target.signed === true && !found.signed, 'has no signature of these bytes, and macOS on arm64 loads none without'],
    [isNewer(found.floor, target.floor), `needs ${found.floor}; the oldest promised is ${target.floor}`],
    ...found.exports
      .filter((symbol) => symbol !== EXPORT && !isOfLinker(target, symbol))
      .map((symbol) => [true, `exports ${symbol}`]),
    [!found.exports.includes(EXPORT), `does not export ${EXPORT}`],
    ...found.libraries.map((library) => [!allowed.test(library), `asks for ${library}`]),
    ...FOREIGN.map((path) => [bytes.includes(path, 0, 'latin1'), `has a path of this machine in it: ${path}`]),
  ].flatMap(([wrong, sentence]) => (wrong ? [sentence] : []))
}

const EXPORT = 'napi_register_module_v1'

/** zig's linker for macOS gives out what it makes itself, and two symbols of Rust's standard library; Apple's does not. */
function isOfLinker({ format }, symbol) {
  return format === 'mach-o' && /^(_mh_dylib_header|__dso_handle|rust_eh_personality|_RN\w*3std\w*)$/.test(symbol)
}

const FOREIGN = [root, homedir() === '/root' ? '/root/.' : homedir(), '.cargo/registry', '.rustup/']

function isNewer(version, than) {
  return version !== undefined && than !== undefined && version.localeCompare(than, undefined, { numeric: true }) > 0
}
