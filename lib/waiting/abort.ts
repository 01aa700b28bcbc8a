/** Calls back once when `signal` aborts, with one listener on it however many wait. Gives the way to stop waiting. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const watch = WATCHES.get(signal) ?? watchSignal(signal)
  watch.callbacks.add(callback)
  return () => {
    watch.callbacks.delete(callback)
    if (watch.callbacks.size === 0) watch.stop()
  }
}

interface Watch {
  readonly callbacks: Set<() => void>
  stop(): void
}

function watchSignal(signal: AbortSignal): Watch {
  const callbacks = new Set<() => void>()
  const aborted = (): void => {
    WATCHES.delete(signal)
    for (const callback of callbacks) callback()
  }
  const watch = {
    callbacks,
    stop(): void {
      if (WATCHES.get(signal) === watch) WATCHES.delete(signal)
      signal.removeEventListener('abort', aborted)
    },
  }
  signal.addEventListener('abort', aborted, { once: true })
  WATCHES.set(signal, watch)
  return watch
}

const WATCHES = new WeakMap<AbortSignal, Watch>()
