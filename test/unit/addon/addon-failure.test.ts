import { describe, expect, it } from '@jest/globals'
import { type Attempt, describeFailure, type FailureFacts } from '../../../lib/addon/addon-failure.js'

const FILE = '/app/node_modules/warren/prebuilds/linux-x64/warren.node'

const facts = (attempt: Partial<Attempt> | undefined): FailureFacts => ({
  name: 'linux-x64',
  built: ['linux-x64', 'darwin-arm64'],
  package: '/app/node_modules/warren',
  attempt: attempt && { path: FILE, namedBy: undefined, error: undefined, ...attempt },
})

const failed = (message: string, code = 'ERR_DLOPEN_FAILED') => Object.assign(new Error(message), { code })

describe('an addon that does not load', () => {
  it.each<[string, Error, RegExp, RegExp]>([
    ['is missing', failed('Cannot find module', 'MODULE_NOT_FOUND'), /is not there/, /npm install/],
    [
      'needs a newer glibc',
      failed(
        `/lib/libc.so.6: version \`GLIBC_2.9' not found\nand version \`GLIBC_2.34' not found (required by ${FILE})`,
      ),
      /needs glibc 2\.34 or newer/,
      /Rust \(npm ci\)/,
    ],
    ['is cut off', failed(`${FILE}: file too short`), /damaged/, /npm install/],
    ['is no library', failed(`${FILE}: invalid ELF header`), /damaged/, /npm install/],
    ['is of another system', failed(`dlopen(${FILE}): not a mach-o file`), /another system/, /npm install/],
    [
      'may not be loaded',
      failed('loading addons is disabled', 'ERR_DLOPEN_DISABLED'),
      /allows no addons/,
      /--allow-addons/,
    ],
    [
      'may not be read',
      failed('Access to this API has been restricted', 'ERR_ACCESS_DENIED'),
      /permission model/,
      /--allow-fs-read=\/app\/node_modules\/warren/,
    ],
    ['is denied by Deno', failed('Requires ffi access, run again with the --allow-ffi flag'), /Deno/, /--allow-ffi/],
    ['lies where nothing may be run', failed(`${FILE}: failed to map segment`), /code be run/, /noexec/],
    [
      'may not be read by this user',
      failed(`EACCES: permission denied, open '${FILE}'`, 'EACCES'),
      /may not read/,
      /chmod/,
    ],
    [
      'may not be read (told by glibc)',
      failed(`${FILE}: cannot open shared object file: Permission denied`),
      /may not read/,
      /chmod/,
    ],
    ['is a folder', failed('EISDIR: illegal operation on a directory, read', 'EISDIR'), /a folder is/, /npm install/],
    ['is of another version', failed('version 0.1.0, and the package is 0.2.0', ''), /another version/, /npm install/],
    ['is of the other C library', failed('made for glibc, and Node for musl', ''), /made for glibc/, /npm install/],
    [
      'lacks a library (glibc)',
      failed('libx.so.1: cannot open shared object file: No such file or directory'),
      /lacks libx\.so\.1/,
      /has libx\.so\.1/,
    ],
    [
      'lacks a library (musl)',
      failed(`Error loading shared library libgcc_s.so.1: No such file or directory (needed by ${FILE})`),
      /lacks libgcc_s\.so\.1/,
      /has libgcc_s\.so\.1/,
    ],
    [
      'is for another C library',
      failed(`Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by ${FILE})`),
      /another C library/,
      /npm install/,
    ],
    ['lacks a function', failed(`Error relocating ${FILE}: x: symbol not found`), /lacks a function/, /newer system/],
    ['fails in a new way', failed('the moon is in the seventh house'), /cannot be loaded/, /npm install/],
  ])('that %s is told with what cures it', (_, error, reason, cure) => {
    const [first, second, third] = describeFailure(facts({ error })).split('\n')
    expect(first).toMatch(reason)
    expect(second).toMatch(/^Cure: /)
    expect(second).toMatch(cure)
    expect(third).toBe(`Tried: ${FILE}: ${error.message.split('\n')[0]}`)
  })

  it('says for which system it is wanted, its C library with the version', () => {
    const libc = process.platform === 'linux' ? ', (glibc|musl) \\d+\\.\\d+(\\.\\d+)?' : ''
    const system = new RegExp(`^${process.platform}, ${process.arch}${libc}, Node ${process.versions.node}: `)
    expect(describeFailure(facts(undefined))).toMatch(system)
  })

  it('where there is none for the system, which there are, and how to build one', () => {
    const text = describeFailure({ ...facts(undefined), name: 'freebsd-x64' })
    expect(text).toContain('addons for linux-x64, darwin-arm64, and none for freebsd-x64')
    expect(text).toContain('name its prebuilds/freebsd-x64/warren.node in WARREN_ADDON')
  })

  it('in a checkout is to be built there', () => {
    const checkout = { ...facts({ error: failed('Cannot find module', 'MODULE_NOT_FOUND') }), package: process.cwd() }
    expect(describeFailure(checkout)).toContain('Cure: npm run build.')
  })

  it('and was named, and needs a newer glibc, may make room for the own one', () => {
    const error = failed("/lib/libc.so.6: version `GLIBC_2.34' not found (required by /x.node)")
    const text = describeFailure(facts({ namedBy: 'WARREN_ADDON', path: '/x.node', error }))
    expect(text).toContain("Cure: take WARREN_ADDON away for the package's own, use a system")
  })

  it('and was named by somebody is not to be installed again', () => {
    const error = failed('ENOENT', 'ENOENT')
    const text = describeFailure(facts({ namedBy: 'WARREN_ADDON', path: '/x.node', error }))
    expect(text).toContain("take WARREN_ADDON away for the package's own")
    expect(text).not.toContain('npm install')
  })
})
