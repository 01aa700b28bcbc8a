import type { SourceFile } from './files'
import { imports, resolve } from './imports'

interface Rule {
  /** The room, by path. */
  readonly where: RegExp
  readonly except?: RegExp
  /** What its imports may not be, with relative ones resolved to a path from the root. */
  readonly not: (target: string, typeOnly: boolean) => boolean
  readonly why: string
}

/** The imports of a TypeScript source that its room forbids, each with the reason. */
export function typescriptViolations({ path, text }: SourceFile): string[] {
  return imports(text).flatMap(({ specifier, typeOnly }) => {
    const target = resolve(path, specifier)
    const broken = RULES.filter(({ where, except, not }) => {
      return where.test(path) && !except?.test(path) && not(target, typeOnly)
    })
    return broken.map(({ why }) => `${path} imports '${specifier}': ${why}`)
  })
}

const isIn = (...folders: string[]) => {
  return (target: string) => folders.some((folder) => target.startsWith(`${folder}/`))
}

const RULES: readonly Rule[] = [
  {
    where: /^(lib|examples|bench)\//,
    not: (target) => !/^(node:|warren$|lib\/|native\/|prebuilds\/|package\.json$|examples\/|bench\/)/.test(target),
    why: 'the package has no dependencies: only Node and itself',
  },
  {
    where: /^lib\//,
    except: /^lib\/(addon|drivers|generated)\//,
    not: (target) => target.endsWith('.node') || isIn('native', 'prebuilds')(target),
    why: 'the addon is imported by lib/addon alone',
  },
  {
    where: /^lib\/(drivers|generated)\//,
    not: (target, typeOnly) => !typeOnly && (target.endsWith('.node') || isIn('native', 'prebuilds')(target)),
    why: 'the addon is imported by lib/addon alone, and only its types by the drivers and what is generated',
  },
  {
    where: /^lib\/(?!cli\/)/,
    not: isIn('lib/cli', 'examples', 'bench', 'test'),
    why: 'the library does not know its users',
  },
  {
    where: /^lib\/cli\//,
    not: (target) => target.startsWith('lib/') && !isIn('lib/cli')(target),
    why: "the command line is a user of the public package name: 'warren'",
  },
  {
    where: /^(examples|bench)\//,
    not: isIn('lib', 'native', 'test'),
    why: "programs use the public package name: 'warren'",
  },
  {
    where: /^lib\/(?!cli\/)/,
    not: (target) => target === 'warren',
    why: 'the library imports its own files, or it would be loaded twice',
  },
]
