import type { SourceFile } from './files'

/**
 * The imports of a Rust source that stand otherwise than its neighbours': a list of names that holds a path, or a block out of order. `pub use`
 * and what an attribute chooses stand where they like.
 */
export function importViolations({ path, text }: SourceFile): string[] {
  const lists = Array.from(text.matchAll(/^ *(?:pub(?:\([^)]*\))? )?use ([^;]+);/gm))
    .filter(([, tree = '']) => /\{[^}]*(?:::|\{)/.test(tree))
    .map(({ index }) => `${path}:${lineOf(text, index)}: one \`use\` a module: a list holds names, and no paths`)
  return [...lists, ...orderViolations(path, text)]
}

/** `std`, other crates, own modules: three blocks, and a blank line between. */
function orderViolations(path: string, text: string): string[] {
  const own = new Set(['crate', 'super', 'self', ...Array.from(text.matchAll(MODULE), ([, name = '']) => name)])
  const uses = Array.from(text.matchAll(PLAIN_USE), ({ 0: whole, 1: root = '', index }) => ({
    index,
    end: index + whole.length,
    block: STANDARD.has(root) ? 0 : own.has(root) ? 2 : 1,
  }))
  return uses.flatMap(({ index, block }, at) => {
    const before = uses[at - 1]
    if (before === undefined) return []
    const between = text.slice(before.end, index)
    const isRight = block === before.block ? !/^\s+$/.test(between) : block > before.block && between.startsWith('\n')
    return isRight
      ? []
      : [`${path}:${lineOf(text, index)}: imports stand in three blocks: \`std\`, other crates, own modules`]
  })
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

const STANDARD: ReadonlySet<string> = new Set(['std', 'core', 'alloc'])

const MODULE = /^(?:pub(?:\([^)]*\))? )?mod (\w+)/gm

/** At the margin, and behind no attribute. */
const PLAIN_USE = /(?<!\]\n)^use (\w+)[^;]*;\n/gm
