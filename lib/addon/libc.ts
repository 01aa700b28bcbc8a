import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/**
 * The C library that this process was compiled for, on Linux.
 *
 * `RTLD_DEEPBIND` is a flag of glibc that musl has not, and Node, Bun and Deno name it where their C library has it. So
 * nothing is read, no program is run, and no report is made, which looks up the ends of every socket by name.
 */
export function libcOf(): 'glibc' | 'musl' | undefined {
  if (process.platform !== 'linux') return undefined
  return 'RTLD_DEEPBIND' in constants.dlopen ? 'glibc' : 'musl'
}

/** Its version, from the library's own file; `undefined` where that cannot be read. For error messages. */
export function libcVersion(): string | undefined {
  try {
    const path = LOADED_LIBC.exec(readFileSync('/proc/self/maps', 'latin1'))?.[1]
    return path === undefined ? undefined : libcVersionIn(readFileSync(path, 'latin1'))
  } catch {
    return undefined
  }
}

/** The version that the bytes of a C library name: "2.36" of a glibc, "1.2.5" of a musl. */
export function libcVersionIn(library: string): string | undefined {
  return (GLIBC_VERSION.exec(library) ?? (library.includes('musl libc') ? MUSL_VERSION.exec(library) : null))?.[1]
}

const LOADED_LIBC = /^.* (\/\S*\/(?:libc\.so\.6|libc-2\.\d+\.so|ld-musl-\S+|libc\.musl-\S+|libc\.so))$/m
const GLIBC_VERSION = /GNU C Library[^\0]*? version (\d+\.\d+)/
const MUSL_VERSION = /\0(\d+\.\d+\.\d+)\0/
