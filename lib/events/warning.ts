import { inspect, types } from 'node:util'

/**
 * Warns of a fault of the program's where no caller would see it: once for each place in it, with the stack.
 * `process.on('warning')` gets it with this code.
 */
export function warnOnce(message: string, code: string, thrown: unknown): void {
  const detail =
    thrown instanceof Error || types.isNativeError(thrown) ? (thrown.stack ?? String(thrown)) : inspect(thrown)
  const place = detail.replace(/^.*$/m, '')
  if (WARNED.has(place) || WARNED.size >= MOST) return
  WARNED.add(place)
  process.emitWarning(message, { type: 'WarrenWarning', code, detail })
}

const WARNED = new Set<string>()

/** Places; a program whose stacks all differ is not followed for ever. */
const MOST = 256
