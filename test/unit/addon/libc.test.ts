import { describe, expect, it } from '@jest/globals'
import { libcVersionIn } from '../../../lib/addon/libc.js'

describe('the version of a C library', () => {
  it.each([
    ['GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\n', '2.36'],
    ['GNU C Library (GNU libc) development release version 2.42.9000.\n', '2.42'],
    ['\0musl libc (x86_64)\nVersion %s\nDynamic Program Loader\0\x001.2.5\0', '1.2.5'],
    ['some other library\x001.2.5\0', undefined],
    ['', undefined],
  ])('is read from its file (%j)', (text, version) => {
    expect(libcVersionIn(text)).toBe(version)
  })
})
