/** What stands in each file's imports, by path. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

/**
 * The circles of a graph, each as the path that closes it: `a → b → a`. One for each group of files that reach each other, the shortest
 * through the first of them by name.
 */
export function circles(graph: Graph): string[] {
  const found: string[] = []
  const told = new Set<string>()
  for (const start of [...graph.keys()].sort()) {
    if (told.has(start)) continue
    const way = wayBack(graph, start)
    if (way === undefined) continue
    const forth = reachable(graph, start)
    for (const file of forth) if (reachable(graph, file).has(start)) told.add(file)
    found.push(way.join(' → '))
  }
  return found
}

/** The shortest way from a file to itself. */
function wayBack(graph: Graph, start: string): string[] | undefined {
  const before = new Map<string, string>()
  const queue = [start]
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) return [...way(before, start, file), start]
      if (before.has(next)) continue
      before.set(next, file)
      queue.push(next)
    }
  }
  return undefined
}

function way(before: ReadonlyMap<string, string>, start: string, end: string): string[] {
  const files = [end]
  for (let file = end; file !== start; ) {
    file = before.get(file) ?? start
    files.unshift(file)
  }
  return files
}

function reachable(graph: Graph, start: string): Set<string> {
  const found = new Set<string>()
  const queue = [start]
  for (const file of queue)
    for (const next of graph.get(file) ?? [])
      if (!found.has(next)) {
        found.add(next)
        queue.push(next)
      }
  return found
}
