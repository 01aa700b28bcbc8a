import type { Graph } from './circles'
import type { SourceFile } from './files'
import { imports, resolve } from './imports'

/** The rooms of `lib`, lowest first: a file imports from its own room and from those below, types included. */
export const ORDER: readonly string[] = [
  'generated',
  'driver',
  'addon',
  'read-only',
  'waiting',
  'events',
  'errors',
  'arguments',
  'versions',
  'drivers',
  'keys',
  'outbox',
  'runtime',
  'streams',
  'inbox',
  'figures',
  'connection',
  'dial',
  'peer',
  'device',
  'config',
  'index',
]

/** The imports that run up all the same: types of the public API, by which a part leads to the whole that it belongs to. */
export const UPWARD: ReadonlyMap<string, string> = new Map([
  ['lib/streams/stream.ts → lib/connection/connection.ts', '`stream.connection` is public'],
  ['lib/errors.ts → lib/connection/connection.ts', '`error.replacedBy` is public'],
  ['lib/connection/connection.ts → lib/peer/peer.ts', '`connection.peer` is public'],
])

/** The imports between the files of `lib`, but for those that may run up. */
export function libGraph(files: readonly SourceFile[]): Graph {
  return new Map(
    files.map(({ path, text }) => [path, new Set(targets(path, text).filter((to) => !isUpward(path, to)))]),
  )
}

/** The imports of a file of `lib` that run up, each with the reason why they may not. */
export function orderViolations({ path, text }: SourceFile): string[] {
  const own = ORDER.indexOf(roomOf(path))
  if (own < 0)
    return [`${path} is in no room of lib: give it one, or give the room its place in test/architecture/lib-order.ts`]
  return targets(path, text)
    .filter((to) => ORDER.indexOf(roomOf(to)) > own && !isUpward(path, to))
    .map((to) => `${path} imports ${to}: ${roomOf(path)} knows nothing of ${roomOf(to)}, which stands above it`)
}

/** The upward imports that nobody needs any more. */
export function unusedUpward(files: readonly SourceFile[]): string[] {
  const used = new Set(files.flatMap(({ path, text }) => targets(path, text).map((to) => `${path} → ${to}`)))
  return [...UPWARD.keys()].filter((arrow) => !used.has(arrow))
}

function isUpward(from: string, to: string): boolean {
  return UPWARD.has(`${from} → ${to}`)
}

/** The folder in `lib`, or the name of a file at its root. */
function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '')
}

function targets(path: string, text: string): string[] {
  return imports(text)
    .map(({ specifier }) => resolve(path, specifier))
    .filter((target) => target.startsWith('lib/'))
    .map((target) => target.replace(/\.js$/, '.ts'))
}
