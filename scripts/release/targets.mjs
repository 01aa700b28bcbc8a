/**
 * What the package is built for, by the name of the folder in `prebuilds`. `triple` is Rust's name; `machine` the number by
 * which a file's header calls the processor; `floor` the oldest system: glibc, macOS; `signed` where the system loads nothing
 * without a signature, and so linkers sign; `standIn` the triple that a rehearsal builds instead, on a machine that cannot have
 * Microsoft's C library and SDK.
 */
export const targets = {
  'linux-x64': { triple: 'x86_64-unknown-linux-gnu', format: 'elf', machine: 62, libc: 'glibc', floor: '2.17' },
  'linux-arm64': { triple: 'aarch64-unknown-linux-gnu', format: 'elf', machine: 183, libc: 'glibc', floor: '2.17' },
  'linux-x64-musl': { triple: 'x86_64-unknown-linux-musl', format: 'elf', machine: 62, libc: 'musl' },
  'linux-arm64-musl': { triple: 'aarch64-unknown-linux-musl', format: 'elf', machine: 183, libc: 'musl' },
  'darwin-x64': { triple: 'x86_64-apple-darwin', format: 'mach-o', machine: 0x01000007, floor: '10.13' },
  'darwin-arm64': {
    triple: 'aarch64-apple-darwin',
    format: 'mach-o',
    machine: 0x0100000c,
    floor: '11.0',
    signed: true,
  },
  'win32-x64': {
    triple: 'x86_64-pc-windows-msvc',
    format: 'pe',
    machine: 0x8664,
    standIn: 'x86_64-pc-windows-gnu',
  },
  'win32-arm64': { triple: 'aarch64-pc-windows-msvc', format: 'pe', machine: 0xaa64 },
}

/** Those that build on a Linux machine, one of them as its stand-in. */
export const builtOnLinux = Object.keys(targets).filter(
  (name) => targets[name].format !== 'pe' || targets[name].standIn,
)
