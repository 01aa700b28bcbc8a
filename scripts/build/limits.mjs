import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'
import { root } from './root.mjs'
import { camel, comment, docOf, list } from './typescript.mjs'

const RUST = 'native/engine/src/limits.rs'

/** Files that say again what the table of limits says: each path from the root, with its text. */
export function limitFiles() {
  const limits = limitTable(read(RUST))
  return {
    'lib/generated/limits.ts': typescript(limits),
    ...Object.fromEntries(PAGES.map((path) => [path, page(path, limits)])),
  }
}

/** The limits of `native/engine/src/limits.rs`, each with the owner that enforces it. */
export function limitTable(source) {
  const limits = [...source.matchAll(BLOCK)].flatMap(([, owner, body]) => rows(owner, body))
  if (limits.length === 0) throw new BuildError(`${RUST} has no limits`)
  return limits
}

function rows(owner, body) {
  const limits = []
  const rest = body.replace(ROW, (_, lines, name, least, most, otherwise) => {
    const [doc, past] = lines.split(/^ *\/\/\/\n/m).map(docOf)
    if (past === undefined) throw new BuildError(`${RUST}: what happens past ${name}?`)
    limits.push({
      owner,
      name: camel(name),
      doc,
      past,
      least: value(least),
      most: value(most),
      otherwise: other(otherwise),
    })
    return ''
  })
  if (rest.trim() !== '') throw new BuildError(`${RUST}: not a limit: ${rest.trim()}`)
  return limits
}

function value(text) {
  const [, count, shift = 0, less] = VALUE.exec(text.replaceAll('_', '')) ?? []
  if (count === undefined) throw new BuildError(`${RUST}: not a number: ${text}`)
  return Number(count) * 2 ** Number(shift) - (less === undefined ? 0 : 1)
}

/** The value where an application says nothing: a number, or a part of another limit. */
function other(text) {
  const [, of, parts] = PART.exec(text) ?? []
  return of === undefined ? value(text) : { of: camel(of), parts: Number(parts) }
}

function typescript(limits) {
  const members = limits.map((limit) => `${comment(described(limit), '  ')}  readonly ${limit.name}: number\n`)
  const ofEngine = limits.filter(({ owner }) => owner === 'engine').map(({ name }) => `'${name}'`)
  const rules = limits.map(({ name, least, most, otherwise }) => {
    const rest =
      typeof otherwise === 'number' ? digits(otherwise) : `{ of: '${otherwise.of}', parts: ${otherwise.parts} }`
    return `  ${name}: { least: ${digits(least)}, most: ${digits(most)}, otherwise: ${rest} },\n`
  })
  return `// Written by scripts/build/limits.mjs from ${RUST}, by every build.

/** Bounds on what peers and strangers can make a device hold, and on what it queues itself. \`docs/api.md\` tells what happens past each. */
export interface Limits {
${members.join('')}}

/** Names of the limits that the engine enforces; the others are counted in TypeScript. */
export const ENGINE_LIMITS = ${list('[', ofEngine, ']', '')} as const

/** The limits that the engine enforces. */
export type EngineLimits = Pick<Limits, (typeof ENGINE_LIMITS)[number]>

/** Values of a limit. */
export interface LimitRule {
  readonly least: number
  readonly most: number
  /** The value where an application says nothing: a number, or a part of another limit, rounded up. */
  readonly otherwise: number | { readonly of: keyof Limits; readonly parts: number }
}

/** The rules of all limits. */
export const LIMIT_RULES: { readonly [K in keyof Limits]: LimitRule } = {
${rules.join('')}}
`
}

function described({ doc, least, otherwise }) {
  const told = typeof otherwise === 'number' ? ` ${amount(doc, otherwise)}` : `: ${partOf(otherwise)}`
  return `${doc} Default${told}${least > 1 ? `, least ${amount(doc, least)}` : ''}.`
}

/** A page with the rows of its table of limits anew. */
function page(path, limits) {
  const rows = limits.map((limit) => {
    const { name, doc, past, otherwise } = limit
    const [of] = limits.filter(({ name }) => name === otherwise.of)
    const told =
      of === undefined
        ? amount(doc, otherwise)
        : `${amount(doc, Math.ceil(of.otherwise / otherwise.parts))}, ${partOf(otherwise)}`
    return `| \`${name}\` | ${told} | ${doc} | ${past} |\n`
  })
  const text = read(path)
  if (!TABLE.test(text)) throw new BuildError(`${path} has no table of limits`)
  return text.replace(TABLE, (_, head) => `${head}${rows.join('')}`)
}

function amount(doc, number) {
  const mebibytes = number / 2 ** 20
  return doc.startsWith('Bytes') && Number.isInteger(mebibytes) ? `${mebibytes} MiB` : number.toLocaleString('en')
}

function partOf({ of, parts }) {
  if (parts !== 4) throw new BuildError(`${RUST}: how is a part of ${parts} called?`)
  return `a quarter of \`${of}\``
}

/** A number as TypeScript spells it. */
function digits(number) {
  return number.toLocaleString('en').replaceAll(',', '_')
}

function read(path) {
  return readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
}

/** The pages that have a table of all limits. */
const PAGES = ['docs/api.md', 'docs/design/security.md']

const BLOCK = /^ {12}(engine|lib) \{\n([\s\S]*?)^ {12}\}\n/gm
const ROW = /((?: *\/\/\/.*\n)+) *(\w+)(?:: \w+)? \[(.*)\.\.=(.*)\] = (.*);\n/g
const VALUE = /^\(?(\d+)(?: << (\d+))?\)?( - 1)?$/
const PART = /^(\w+) \/ (\d+)$/
const TABLE = /^(\| limit \| default \| bounds \| past it \|\n\|---\|---\|---\|---\|\n)(?:\|.*\n)*/m
