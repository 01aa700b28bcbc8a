import type { SourceFile } from './files'

const LONGEST_FILE = 500

/** Columns of a comment in Rust: rustfmt breaks code alone. */
const WIDEST_COMMENT = 120

/** A constant of a module under a comment that is no doc. */
const PLAIN_CONSTANT = /^\/\/ .*\n(?:pub(?:\([a-z]+\))? )?(?:const|static) (\w+)/m

/** An item of a module that is no constant, and so stands above them. */
const ITEM = /^(?:pub(?:\([^)]*\))? )?(?:(?:async|unsafe|const|extern "C") )*(?:fn|struct|enum|union|impl|trait)\b/

const CONSTANT = /^(?:pub(?:\([^)]*\))? )?const (?!fn\b|unsafe\b)(\w+)/

/** Where tests that stand in their source begin. */
const INLINE_TESTS = /^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*mod \w+ \{/m

const VAGUE_NAME = /^(utils?|helpers?|common|misc|types|manager|mod)\.(rs|ts|mjs)$|^(utils|helpers|common|misc)$/

/** What any source may not be: too long or wide, named after nothing, or, in a crate, without a line that says what it holds. */
export function houseViolations({ path, text }: SourceFile): string[] {
  const violations: string[] = []
  const lines = text.split('\n').length
  if (lines > LONGEST_FILE) {
    violations.push(`${path} has ${lines} lines: past ${LONGEST_FILE} a file is split by concept`)
  }
  if (/^native\/[^/]+\/src\//.test(path) && !isTest(path) && !text.startsWith('//!')) {
    violations.push(`${path} does not begin with a line of \`//!\` that says what it holds`)
  }
  const wide = path.endsWith('.rs') ? text.split('\n').findIndex(isWideComment) : -1
  if (wide >= 0) violations.push(`${path}:${wide + 1} is a comment of more than ${WIDEST_COMMENT} columns`)
  const [, constant] = (path.endsWith('.rs') ? PLAIN_CONSTANT.exec(text) : null) ?? []
  if (constant !== undefined) violations.push(`${path}: what ${constant} is stands in \`//\`: make it a doc, \`///\``)
  if (path.endsWith('.rs')) violations.push(...constantsAbove(path, text), ...returnsByName(path, text))
  const vague = path.split('/').find((part) => VAGUE_NAME.test(part))
  // A module that several integration tests share is a `mod.rs`, or cargo takes it for a test of its own.
  if (vague !== undefined && !/^native\/[^/]+\/tests\/.*\/mod\.rs$/.test(path)) {
    violations.push(`${path}: a reader cannot guess what "${vague}" holds: name the concept`)
  }
  return violations
}

/** The constants of a module that stand above one of its other items. */
function constantsAbove(path: string, text: string): string[] {
  const lines = (text.split(INLINE_TESTS)[0] ?? '').split('\n')
  const last = lines.findLastIndex((line) => ITEM.test(line))
  return lines.flatMap((line, index) => {
    const [, name] = (index < last ? CONSTANT.exec(line) : null) ?? []
    return name === undefined ? [] : [`${path}:${index + 1}: constants stand at the bottom, and ${name} above an item`]
  })
}

/** The methods that return their own type by its name. A type with parameters is told by name where they differ. */
function returnsByName(path: string, text: string): string[] {
  const own = /^(?:unsafe )?impl(?:<.*?>)? (?:.* for )?(\w+)(?:<.*>)? (?:where .*)?\{$/
  let type: string | undefined
  return text.split('\n').flatMap((line, index) => {
    if (/^\S/.test(line)) type = own.exec(line)?.[1]
    const names = type !== undefined && new RegExp(`^ {4}[^/]*\\) -> [^{]*(?<![:\\w])${type}\\b(?![<:])`).test(line)
    return names ? [`${path}:${index + 1}: a method returns \`Self\`, and names ${type}`] : []
  })
}

const isWideComment = (line: string) => line.length > WIDEST_COMMENT && /^\s*\/\//.test(line)
const isTest = (path: string) => /(^|\/)tests(\.rs$|\/)/.test(path)
