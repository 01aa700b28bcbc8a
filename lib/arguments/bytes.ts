import { types } from 'node:util'
import { coded, wrongType } from './argument-error.js'

/** Checks that a value is bytes, whose memory is there. */
export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!types.isUint8Array(value)) throw wrongType(name, 'a Uint8Array', value)
  if (!isGone(value)) return
  const message = `${name} must be in memory that is there; got a Uint8Array whose memory was transferred or resized before`
  throw coded(new TypeError(message), 'ERR_WARREN_INVALID_ARGUMENT')
}

/** The memory of these bytes is another's now, or too short. */
export function isGone(bytes: Uint8Array): boolean {
  if (bytes.byteLength > 0) return false
  try {
    keys.call(bytes)
    return false
  } catch {
    return true
  }
}

const { keys } = Uint8Array.prototype
