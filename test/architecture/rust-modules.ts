import type { Graph } from './circles'
import type { SourceFile } from './files'

/**
 * The files of one crate, and for each the files of the modules that it names: by `use`, or by a path that begins with `crate`, `super`,
 * `self` or a module of its own. A name that a module re-exports counts as where it stands. `mod` alone is no arrow, nor is what a
 * module names of the one that it is a part of.
 */
export function moduleGraph(crate: string, files: readonly SourceFile[]): Graph {
  const root = `native/${crate}/src/`
  const modules = new Map<string, Module>()
  for (const { path, text } of files) {
    if (!path.startsWith(root) || isTest(path.slice(root.length))) continue
    const code = withoutTests(text)
    const name = moduleOf(path.slice(root.length))
    modules.set(name, { name, path, code, uses: [] })
  }
  for (const [name, module] of modules) module.uses.push(...usesOf(module.code, name, modules))
  return new Map(
    Array.from(modules, ([name, module]) => {
      const named = module.uses.flatMap(({ path }) => origin(path, modules) ?? [])
      return [module.path, new Set(named.filter((other) => !isPart(name, other.name)).map(({ path }) => path))]
    }),
  )
}

interface Module {
  readonly name: string
  readonly path: string
  readonly code: string
  readonly uses: Use[]
}

/** A path that a module names, from the root of its crate. */
interface Use {
  readonly path: readonly string[]
  /** Under this name it can be named as the module's own. */
  readonly alias: string | undefined
}

function isPart(name: string, of: string): boolean {
  return of === '' || name === of || name.startsWith(`${of}::`)
}

function isTest(path: string): boolean {
  return /(^|\/)tests(\.rs$|\/)/.test(path)
}

/** `engine::transmit` of `engine/transmit.rs`; the root of the crate is ''. */
function moduleOf(path: string): string {
  const name = path.replace(/\.rs$/, '').split('/').join('::')
  return name === 'lib' || name === 'main' ? '' : name
}

function withoutTests(text: string): string {
  const [code = ''] = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/"(?:[^"\\]|\\[\s\S])*"/g, '""')
    .split(/^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*mod \w+ \{/m)
  return code
}

function usesOf(code: string, module: string, modules: ReadonlyMap<string, Module>): Use[] {
  const own = module === '' ? [] : module.split('::')
  const uses: Use[] = []
  const rest = code.replace(/\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);/g, (_, visible, tree) => {
    for (const { path, alias } of leaves(tree)) {
      const absolute = absolutePath(path, own, modules)
      if (absolute !== undefined) uses.push({ path: absolute, alias: visible === undefined ? undefined : alias })
    }
    return ''
  })
  for (const [path] of rest.matchAll(/\b\w+(?:::\w+)+/g)) {
    const absolute = absolutePath(path.split('::'), own, modules)
    if (absolute !== undefined) uses.push({ path: absolute, alias: undefined })
  }
  return uses
}

/** The paths of a `use`: one for each name that it brings. */
function leaves(tree: string, before: readonly string[] = []): { path: readonly string[]; alias: string }[] {
  return splitList(tree).flatMap((item) => {
    const group = /^([\s\S]*?)\{([\s\S]*)\}$/.exec(item)
    if (group !== null) return leaves(group[2] ?? '', [...before, ...segments(group[1] ?? '')])
    const [name = '', as] = item.split(/\s+as\s+/)
    const path = [...before, ...segments(name)]
    const whole = path.at(-1) === 'self' && path.length > 1 ? path.slice(0, -1) : path
    return [{ path: whole, alias: as ?? whole.at(-1) ?? '' }]
  })
}

function splitList(text: string): string[] {
  const items: string[] = ['']
  let depth = 0
  for (const character of text) {
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
    if (character === ',' && depth === 0) items.push('')
    else items[items.length - 1] += character
  }
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

function segments(path: string): string[] {
  return path
    .split('::')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function absolutePath(
  path: readonly string[],
  own: readonly string[],
  modules: ReadonlyMap<string, Module>,
): readonly string[] | undefined {
  const [first = '', ...rest] = path
  if (first === 'crate') return rest
  if (first === 'self') return [...own, ...rest]
  if (first === 'super') {
    const above = own.slice(0, -1)
    return rest[0] === 'super' ? absolutePath(rest, above, modules) : [...above, ...rest]
  }
  return modules.has([...own, first].join('::')) ? [...own, first, ...rest] : undefined
}

/** The module in which what a path names stands. */
function origin(path: readonly string[], modules: ReadonlyMap<string, Module>, depth = 0): Module | undefined {
  for (let length = path.length; length >= 0; length--) {
    const module = modules.get(path.slice(0, length).join('::'))
    if (module === undefined) continue
    const name = path[length]
    const passed = depth < DEEPEST ? module.uses.find(({ alias }) => alias !== undefined && alias === name) : undefined
    return passed === undefined ? module : origin(passed.path, modules, depth + 1)
  }
  return undefined
}

/** Re-exports of re-exports. */
const DEEPEST = 8
