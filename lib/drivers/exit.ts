/**
 * Calls back with `subject` when the process (or the worker) exits, unless it was collected or the returned function was called.
 * Cleanup hooks of the addon do not run on `process.exit()`, and peers shall hear of it.
 */
export function atExit<Subject extends object>(subject: Subject, callback: (subject: Subject) => void): () => void {
  const entry: Entry = { subject: new WeakRef(subject), callback: callback as Entry['callback'] }
  if (ENTRIES.size === 0) process.on('exit', exit)
  ENTRIES.add(entry)
  COLLECTED.register(subject, entry, entry)
  return () => {
    COLLECTED.unregister(entry)
    forget(entry)
  }
}

interface Entry {
  readonly subject: WeakRef<object>
  readonly callback: (subject: object) => void
}

function exit(): void {
  for (const { subject, callback } of ENTRIES) {
    const alive = subject.deref()
    if (alive !== undefined) callback(alive)
  }
}

function forget(entry: Entry): void {
  ENTRIES.delete(entry)
  if (ENTRIES.size === 0) process.off('exit', exit)
}

const ENTRIES = new Set<Entry>()

const COLLECTED = new FinalizationRegistry(forget)
