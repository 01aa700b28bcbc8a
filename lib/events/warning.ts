import { inspect, types } from 'node:util'

/**
 * Warns of a fault of the program's where no caller would see it: once for each place in it, with the stack.
 * `process.on('warning')` gets it with this code.
 */
export function warnOnce(message: string, code: string, thrown: unknown): void {
  const detail = detailOf(thrown)
  const place = detail.replace(/^.*$/m, '')
  if (isNew(place, WARNED)) process.emitWarning(message, { type: 'WarrenWarning', code, detail })
}

/** Warns once of each kind of fault: of what the program gave, for which no place in it is known. */
export class Warnings {
  readonly #kinds = new Set<string>()

  warnOnce(message: string, code: string, thrown: unknown, kind: string): void {
    if (isNew(kind, this.#kinds))
      process.emitWarning(message, { type: 'WarrenWarning', code, detail: detailOf(thrown) })
  }
}

function isNew(fault: string, warned: Set<string>): boolean {
  if (warned.has(fault) || warned.size >= MOST) return false
  warned.add(fault)
  return true
}

function detailOf(thrown: unknown): string {
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown.stack ?? String(thrown)
  return inspect(thrown)
}

const WARNED = new Set<string>()

/** Places, or kinds; a program whose stacks all differ is not followed for ever. */
const MOST = 256
