import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'
import { root } from './root.mjs'
import { comment, constantName, docOf } from './typescript.mjs'

/** Files that say again what a table of figures says: each path from the root, with its text. */
export function figureFiles() {
  const tables = figureTables(read('native/binding/src/stats.rs'))
  const own = declaredFigures(read('lib/figures/stats.ts'))
  return { 'lib/generated/figures.ts': types(tables), 'docs/figures.md': page(tables, own) }
}

/** The tables of `native/binding/src/stats.rs`: their names, what they are of, and their figures. */
export function figureTables(source) {
  const tables = [...source.matchAll(TABLE)].map(([, about, name, body]) => ({ name, about, figures: figuresOf(body) }))
  if (tables.length === 0) throw new BuildError('native/binding/src/stats.rs has no table of figures')
  return tables
}

function figuresOf(body) {
  const figures = []
  const rest = body.replace(FIGURE, (_, lines, name, kind) => {
    figures.push({ name, kind: kindOf(kind), isOptional: kind === 'known_level', doc: docOf(lines) })
    return ''
  })
  if (rest.trim() !== '') throw new BuildError(`not a figure of native/binding/src/stats.rs: ${rest.trim()}`)
  return figures
}

function kindOf(kind) {
  if (kind === 'counter') return 'counter'
  if (kind === 'level' || kind === 'known_level') return 'level'
  throw new BuildError(`native/binding/src/stats.rs: a figure is a counter or a level, not a "${kind}"`)
}

/** The figures that TypeScript itself counts: members of interfaces whose doc comments end with their kind. */
function declaredFigures(source) {
  return new Map(
    [...source.matchAll(INTERFACE)].map(([, name, body]) => [
      name,
      [...body.matchAll(MEMBER)].map(([, comment, member]) => {
        const [, doc, kind] = KIND.exec(comment.replace(/\s*\n\s*\* ?/g, ' ').trim()) ?? []
        if (kind === undefined) throw new BuildError(`lib/figures/stats.ts: is ${member} a counter or a level?`)
        return { name: member, kind, isOptional: false, doc }
      }),
    ]),
  )
}

function types(tables) {
  const parts = tables.map(({ name, about, figures }) => {
    const members = figures.map(({ name, kind, isOptional, doc }) => {
      const type = isOptional ? '?: number | undefined' : ': number'
      return `${comment(`${doc} A ${kind}.`, '  ')}  readonly ${name}${type}\n`
    })
    const zeros = figures.filter(({ isOptional }) => !isOptional).map(({ name }) => `  ${name}: 0,\n`)
    const constant = `NO_${constantName(name)}`
    return `/** ${about} */
export interface ${name} {
${members.join('')}}

/** Figures of nothing. */
export const ${constant}: ${name} = {
${zeros.join('')}}
`
  })
  return `// Written by scripts/build/figures.mjs from native/binding/src/stats.rs, by every build.\n\n${parts.join('\n')}`
}

function page(tables, own) {
  const sections = tables.map(({ name, figures }) => {
    const owner = name.replace('Figures', '')
    const all = [...figures, ...(own.get(`${owner}Stats`) ?? [])]
    const rows = all.map(({ name, kind, doc }) => `| \`${name}\` | ${kind} | ${doc} |\n`)
    return `## ${owner}\n\n| name | kind | |\n|---|---|---|\n${rows.join('')}${owner === 'Device' ? ERRORS : ''}`
  })
  return `${HEAD}\n${sections.join('\n')}`
}

function read(path) {
  return readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
}

const TABLE = /^figures! \{\n {4}\/\/\/ (.*)\n {4}fn \w+\(.*\) -> (\w+) \{\n([\s\S]*?)^ {4}\}\n\}/gm
const FIGURE = /((?: *\/\/\/.*\n)+) *(\w+): (\w+) =\s[^;]*;\n/g
const INTERFACE = /^export interface (\w+).*\{\n([\s\S]*?)^\}/gm
const MEMBER = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}readonly (\w+): number\n/g
const KIND = /^(.*) A (counter|level)\.$/

const HEAD = `# Figures

\`stats()\` of a device, a peer and a connection gives these numbers of that moment, as TypeScript's \`DeviceStats\`, \`PeerStats\` and
\`ConnectionStats\` list them, and \`lanes\` ([figures of lanes](api.md#figures)). A counter never falls while its owner lives; a level is
of the moment. When the owner is over, all are 0. Names may be added. Outcomes of messages that nothing in the program waits for are
counted up to 10 ms late.
`

const ERRORS = `| \`sendError…\`, \`receiveError…\` | counter | Number of datagrams that the system refused to send, and of reads that it refused, \
by the error's code, as \`sendErrorENETUNREACH\`; absent until it happened. |
`
