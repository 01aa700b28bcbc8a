import type { SourceFile } from './files'

/** Doc comments by their number, and those of them that open with a clause in place of a noun or a verb. */
export interface Openings {
  readonly all: number
  /** Each as `path:line: its first words`. */
  readonly clauses: readonly string[]
}

/** Looks at the first word of each doc comment. */
export function openings(files: readonly SourceFile[]): Openings {
  const docs = files.flatMap((file) => (file.path.endsWith('.rs') ? rustDocs(file) : typescriptDocs(file)))
  return {
    all: docs.length,
    clauses: docs.filter(({ text }) => CLAUSE.test(text)).map(({ at, text }) => `${at}: ${text}`),
  }
}

interface Doc {
  readonly at: string
  readonly text: string
}

/** The first line of each block of `///` or `//!`. */
function rustDocs({ path, text }: SourceFile): Doc[] {
  const lines = text.split('\n').map((line) => /^\s*\/\/[/!] ?(.*)$/.exec(line)?.[1])
  return lines.flatMap((doc, index) =>
    doc === undefined || lines[index - 1] !== undefined ? [] : [{ at: `${path}:${index + 1}`, text: doc }],
  )
}

function typescriptDocs({ path, text }: SourceFile): Doc[] {
  return Array.from(text.matchAll(/\/\*\*[\s*]*([^\n]*)/g), (found) => ({
    at: `${path}:${text.slice(0, found.index).split('\n').length}`,
    text: (found[1] ?? '').replace(/\s*\*\/$/, ''),
  }))
}

/** "Whether" is left out: it is the noun of what a boolean says. */
const CLAUSE = /^(What|Which|Who|Whom|Whose|When|Where|Why|How|Those|Of|So)(ever)?\b/
