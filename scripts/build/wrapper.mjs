import { BuildError } from './error.mjs'

/**
 * The ESM entry that re-exports the CommonJS one by name, so that `import` and `require` share one instance.
 *
 * `source` is `lib/index.ts`, which holds nothing but `export { … } from` and `export type { … } from`.
 */
export function esmWrapper(source) {
  const { values, types } = exportedNames(source)
  const code = `export { ${values.join(', ')} } from './index.js'\n`
  const typesOnly = types.length === 0 ? '' : `export type { ${types.join(', ')} } from './index.js'\n`
  return { code, types: code + typesOnly }
}

/** The names that `lib/index.ts` exports, sorted: those that exist at run time and those that are types alone. */
export function exportedNames(source) {
  const values = new Set()
  const types = new Set()
  const rest = source.replace(COMMENT, '').replace(STATEMENT, (_, typeOnly, list) => {
    for (const item of list.split(',').map((text) => text.trim())) {
      if (item === '') continue
      const [, itemType, , alias] = ITEM.exec(item) ?? fail(item)
      ;(typeOnly || itemType ? types : values).add(alias)
    }
    return ''
  })
  if (rest.trim() !== '') fail(rest.trim())
  return { values: [...values].sort(), types: [...types].sort() }
}

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm
const STATEMENT = /export\s+(type\s+)?\{([^}]*)\}\s*from\s*'[^']+';?/g
const ITEM = /^(type\s+)?([\w$]+\s+as\s+)?([\w$]+)$/

function fail(text) {
  throw new BuildError(`lib/index.ts may only hold "export { … } from" statements, but has: ${text.split('\n')[0]}`)
}
