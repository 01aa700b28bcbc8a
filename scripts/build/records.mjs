import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'
import { root } from './root.mjs'
import { camel, comment, constantName, docOf, LONGEST, list, union } from './typescript.mjs'

const RUST = 'native/binding/src/records.rs'

/** `lib/generated/records.ts`, from the tables of `native/binding/src/records.rs`: its path and its text. */
export function recordFiles() {
  const source = readFileSync(join(root, RUST), 'utf8').replaceAll('\r\n', '\n')
  return { 'lib/generated/records.ts': records(recordTables(source)) }
}

/** The kinds of records with their fields, the lists of names, and the words of a record. */
export function recordTables(source) {
  const [, kinds = ''] = /^records! \{\n.*\n {4}enum Record<'a> \{\n([\s\S]*?)^ {4}\}\n\}/m.exec(source) ?? []
  const [, names = ''] = /^names! \{\n([\s\S]*?)^\}/m.exec(source) ?? []
  const [, stride] = /^const STRIDE: usize = (\d+);/m.exec(source) ?? []
  const tables = { kinds: kindsOf(kinds), names: namesOf(names), stride: Number(stride) }
  for (const { kind, fields } of tables.kinds) {
    const unknown = fields.find(({ type }) => !(type in FIELDS) && !tables.names.some(({ name }) => name === type))
    if (unknown !== undefined) throw new BuildError(`${RUST}: ${kind} has a field of an unknown type: ${unknown.type}`)
    if (wordsOf(fields) >= tables.stride) throw new BuildError(`${RUST}: ${kind} has more fields than a record holds`)
  }
  return tables
}

function kindsOf(text) {
  const kinds = []
  const rest = text.replace(KIND, (_, doc, kind, list) => {
    const fields = list.split(',').map((field) => {
      const [name, type] = field.trim().split(': ')
      return { name, type: type?.replace("<'a>", ''), rust: type }
    })
    kinds.push({ kind, doc: docOf(doc), fields })
    return ''
  })
  if (rest.trim() !== '' || kinds.length === 0) throw new BuildError(`${RUST}: not a record: ${rest.trim()}`)
  return kinds
}

function namesOf(text) {
  const lists = []
  const rest = text.replace(NAMES, (_, doc, name, list) => {
    lists.push({ name, doc: docOf(doc), values: Array.from(list.matchAll(/"(.*)"/g), ([, value]) => value) })
    return ''
  })
  if (rest.trim() !== '' || lists.length === 0) throw new BuildError(`${RUST}: not a list of names: ${rest.trim()}`)
  return lists
}

function records({ kinds, names, stride }) {
  const unions = names.map(({ name, doc, values }) => {
    return `${comment(doc, '')}${union(`export type ${name} =`, values.map(quoted))}\n`
  })
  const methods = kinds.map(({ kind, doc, fields }) => `${comment(doc, '  ')}  ${signature(kind, fields)}\n`)
  const decoders = kinds.map(({ kind, fields }) => `  ${decoder(kind, fields)},\n`)
  const lists = names.map(({ name, values }) => {
    return `${list(`export const ${constantName(name)}: readonly ${name}[] = [`, values.map(quoted), ']', '')}\n`
  })
  const table = [
    `stride ${stride}`,
    ...kinds.map(({ kind, fields }) => [kind, ...fields.map(({ name, rust }) => `${name}:${rust}`)].join(' ')),
    ...names.map(({ name, values }) => [name, ...values].join(' ')),
  ]
  return `// Written by scripts/build/records.mjs from native/binding/src/records.rs, by every build.

import type { Buffer } from 'node:buffer'

${unions.join('\n')}
/** A peer's word about its protocols, each list best first. */
export interface PeerLists {
  /** Counts the changes of its process's lists; undefined for a build whose lists never change. */
  readonly generation: number | undefined
  /** Protocols that it dials with. */
  readonly offer: readonly string[]
  /** Protocols that it accepts from diallers. */
  readonly accept: readonly string[]
  /** Transports that it speaks. */
  readonly transports: readonly string[]
}

/** The events of a driver, in the order in which they happened; told from its one wake per batch. */
export interface Receiver {
${methods.join('\n')}}

/** The fields of the record at hand, each by the number of its first word. */
export interface RecordFields {
  number(word: number): number
  text(word: number): string
  names(word: number): readonly string[]
  lists(word: number): PeerLists
  /** Bytes in memory of their own. */
  copy(word: number): Buffer
  /** Bytes in the slab. */
  slice(word: number): Buffer
  /** The message beside the record, of the length that the word says. */
  message(word: number): Buffer
}

/** Calls the method of a receiver that a record is for. */
export type Decoder = (record: RecordFields, to: Receiver) => void

/** Words of a record. */
export const STRIDE = ${stride}

/** The decoders of records, each at the number of its kind. */
export const DECODERS: readonly Decoder[] = [
${decoders.join('')}]

/** The methods that they call, in the same order. */
export const KINDS: readonly (keyof Receiver)[] = [
${kinds.map(({ kind }) => `  ${quoted(method(kind))},\n`).join('')}]

/** The tables that all this was written from, as the addon tells its own. */
export const TABLE: string = [
${table.map((line) => `  ${line.includes("'") ? `"${line}"` : quoted(line)},\n`).join('')}].join('\\n')

${lists.map((text) => `/** The names of the type, each at its number. */\n${text}`).join('\n')}`
}

function signature(kind, fields) {
  const parameters = fields.map(({ name, type }) => `${camel(name)}: ${FIELDS[type]?.type ?? type}`)
  return list(`${method(kind)}(`, parameters, '): void', '  ')
}

function decoder(kind, fields) {
  let word = 1
  const values = fields.map(({ type }) => {
    const at = word
    word += FIELDS[type]?.words ?? 1
    return FIELDS[type]?.read(at) ?? `${constantName(type)}[record.number(${at})] as ${type}`
  })
  const call = `to.${method(kind)}(${values.join(', ')})`
  const line = `(record, to) => ${call}`
  if (line.length + '  ,'.length <= LONGEST) return line
  return `(record, to) =>\n    ${list(`to.${method(kind)}(`, values, ')', '    ')}`
}

function wordsOf(fields) {
  return fields.reduce((sum, { type }) => sum + (FIELDS[type]?.words ?? 1), 0)
}

function method(kind) {
  return kind.charAt(0).toLowerCase() + kind.slice(1)
}

function quoted(text) {
  return `'${text}'`
}

/** The types of fields in Rust: their type here, the words that they take, and what reads them. */
const FIELDS = {
  Number: { type: 'number', words: 1, read: (at) => `record.number(${at})` },
  Flag: { type: 'boolean', words: 1, read: (at) => `record.number(${at}) === 1` },
  Text: { type: 'string', words: 2, read: (at) => `record.text(${at})` },
  OptionalText: { type: 'string | undefined', words: 2, read: (at) => `record.text(${at}) || undefined` },
  Names: { type: 'readonly string[]', words: 2, read: (at) => `record.names(${at})` },
  PeerLists: { type: 'PeerLists', words: 2, read: (at) => `record.lists(${at})` },
  Copied: { type: 'Buffer', words: 2, read: (at) => `record.copy(${at})` },
  Slice: { type: 'Buffer', words: 2, read: (at) => `record.slice(${at})` },
  Message: { type: 'Buffer', words: 1, read: (at) => `record.message(${at})` },
}

const KIND = /((?: *\/\/\/.*\n)+) {8}(\w+) \{ (.*) \},\n/g
const NAMES = /((?: *\/\/\/.*\n)+) {4}enum (\w+) \{\n((?: {8}\w+ = ".*",\n)+) {4}\}\n/g
