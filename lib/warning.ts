/**
 * Warns of what a program does wrong where no caller would see an error: once for each place in it, with the stack.
 * `process.on('warning')` gets it with the error's code.
 */
export function warnOnce(error: Error & { readonly code?: unknown }): void {
  const place = (error.stack ?? '').split('\n').slice(1).join('\n')
  if (WARNED.has(place) || WARNED.size >= MOST) return
  WARNED.add(place)
  const code = typeof error.code === 'string' ? { code: error.code } : {}
  process.emitWarning(error.message, { type: 'WarrenWarning', detail: place, ...code })
}

const WARNED = new Set<string>()

/** Places; a program whose stacks all differ is not followed for ever. */
const MOST = 256
