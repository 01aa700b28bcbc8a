import { isIPv4, isIPv6 } from 'node:net'
import { outOfRange, wrongType } from './argument-error.js'
import type { Check } from './options.js'

/** An allowed IP: an address, or an address and the length of its prefix (`10.0.0.0/8`, `fd00::/8`). */
export const prefix: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw wrongType(name, EXPECTED, value)
  const [address = '', bits, ...rest] = value.split('/')
  const most = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : -1
  const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (most < 0 || length < 0 || length > most || rest.length > 0) {
    throw outOfRange(name, EXPECTED, value)
  }
  return `${address}/${length}`
}

const EXPECTED = "an address or a prefix such as '10.0.0.0/8' or 'fd00::/8'"
