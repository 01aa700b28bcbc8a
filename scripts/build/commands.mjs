import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from './error.mjs'
import { root } from './root.mjs'
import { camel, comment, docOf, list } from './typescript.mjs'

const RUST = 'native/binding/src/commands.rs'

/**
 * `lib/generated/commands.ts`, `forwarded-commands.ts` and `objects.ts`, from the commands of `native/binding` and from the structs that cross: paths
 * and texts. Types of the addon are in the second alone: the others are behind types that users have, in whose package its types are not.
 */
export function commandFiles() {
  const structs = STRUCTS.flatMap((path) => structsOf(path, read(path)))
  const names = new Map(structs.map(({ rust, name }) => [rust, name]))
  const commands = commandsOf(read(RUST))
  return {
    'lib/generated/commands.ts': commandsText(commands, names),
    'lib/generated/forwarded-commands.ts': forwardedText(commands, names),
    'lib/generated/objects.ts': objectsText(structs, names),
  }
}

/** The commands: names, docs, parameters with their types in Rust, and results. */
export function commandsOf(source) {
  const [, block = ''] = /^ {12}#\[napi\]\n {12}impl \$device \{\n([\s\S]*?)^ {12}\}$/m.exec(source) ?? []
  const commands = []
  const rest = block.replace(COMMAND, (_, doc, name, parameters, result = '()') => {
    const [, failing] = /^Result<(.*)>$/.exec(result) ?? []
    commands.push({
      name: camel(name),
      doc: docOf(doc),
      parameters: parametersOf(parameters),
      result: failing ?? result,
      fails: failing !== undefined,
    })
    return ''
  })
  if (rest.trim() !== '' || commands.length === 0) throw new BuildError(`${RUST}: not a command: ${rest.trim()}`)
  return commands
}

function parametersOf(text) {
  return [...text.matchAll(PARAMETER)]
    .filter(([, , name, type]) => name !== 'env' && type !== undefined)
    .map(([, spelled, name, type]) => ({ name: camel(name), type, spelled }))
}

/** The structs of a file that cross as objects, with their fields. */
function structsOf(path, source) {
  return [...source.matchAll(STRUCT)].map(([, doc, renamed, name, body]) => {
    const fields = []
    const rest = body.replace(FIELD, (_, lines, renamed, spelled, field, type) => {
      fields.push({ name: renamed ?? camel(field), type, spelled, doc: docOf(lines) })
      return ''
    })
    if (rest.trim() !== '') throw new BuildError(`${path}: not a field of ${name} with a doc: ${rest.trim()}`)
    return { name: renamed ?? name, rust: name, doc: docOf(doc), fields }
  })
}

function objectsText(structs, names) {
  const interfaces = structs.map(({ name, doc, fields }) => {
    const isChange = fields.every(({ type }) => type.startsWith('Option<'))
    const members = fields.map(({ name, type, spelled, doc }) => {
      return `${comment(doc, '  ')}  readonly ${name}${isChange ? '?' : ''}: ${spelled ?? typeOf(type, names)}\n`
    })
    return `${comment(doc, '')}export interface ${name} {\n${members.join('')}}\n`
  })
  return `${HEAD}
import type { EngineLimits } from './limits.js'

${interfaces.join('\n')}`
}

function commandsText(commands, names) {
  const type = (rust) => typeOf(rust, names)
  const signatures = commands.map((command) => `${comment(command.doc, '  ')}  ${signature(command, type)}\n`)
  return `${HEAD}
${imports(signatures, names)}
/** Commands of an engine. Those that give something or throw are answered at once; the others are queued, one wake per turn. */
export interface Commands {
${signatures.join('\n')}}
`
}

/** The files of types that these texts need. */
function imports(texts, names) {
  const objects = [...names.values()].filter((name) => new RegExp(`\\b${name}\\b`).test(texts.join('')))
  return `import type { ${Object.values(FIGURES).sort().join(', ')} } from './figures.js'
import type { ${objects.sort().join(', ')} } from './objects.js'
`
}

function forwardedText(commands, names) {
  const type = (rust) => typeOf(rust, names)
  const calls = commands.map((command) => `  ${signature(command, type)} {\n${call(command, type)}  }\n`)
  return `${HEAD}
import type * as addon from '../../native/binding.js'
import type { Commands } from './commands.js'
${imports(calls, names)}
/** The classes of the addon, which have the same commands. */
type Device = addon.NativeDevice | addon.ScriptDevice

/** Hands each command to a device of the addon. */
export abstract class ForwardedCommands<To extends Device> implements Commands {
  /** The device in the addon. */
  protected abstract readonly device: To

  /** Before the engine is touched. */
  protected enter(): void {}

  /** After it was. */
  protected leave(): void {}

  /** Runs a command that may fail, between \`enter\` and \`leave\`; \`publicKey\` is that of the peer that it is about, if it names one. */
  protected abstract asked<T>(publicKey: string | undefined, command: () => T): T

${calls.join('\n')}}
`
}

function signature({ name, parameters, result }, type) {
  const all = parameters.map((parameter) => `${parameter.name}: ${parameter.spelled ?? type(parameter.type)}`)
  return list(`${name}(`, all, `): ${type(result)}`, '  ')
}

/** The body of a method: enters, calls, leaves. */
function call({ name, parameters, result, fails }, type) {
  const given = list(`this.device.${name}(`, parameters.map(argument), ')', '      ')
  const [value, cast] = [
    /^Option</.test(result) ? `${given} ?? undefined` : given,
    FIGURES[/^(?:Option<)?(\w+<.*?>)/.exec(result)?.[1]],
  ]
  const told = cast === undefined ? value : `${value === given ? given : `(${value})`} as ${type(result)}`
  if (fails)
    return `    ${list(`${result === '()' ? '' : 'return '}this.asked(`, [keyOf(parameters), `() => ${told}`], ')', '    ')}\n`
  if (result === '()') return `    this.enter()\n    ${given}\n    this.leave()\n`
  return `    this.enter()\n    const answer = ${told}\n    this.leave()\n    return answer\n`
}

/** An argument as the addon's types have it: they let no list be read-only, and nothing be undefined. */
function argument({ name, type }) {
  const [, inner = type] = /^Option<(.*)>$/.exec(type) ?? []
  if (inner === 'Vec<String>') return `${name} as string[]${inner === type ? '' : ' | undefined'}`
  return /^[A-Z]\w*$/.test(inner) && inner !== 'String'
    ? `${name} as addon.${inner}${inner === type ? '' : ' | undefined'}`
    : name
}

function keyOf(parameters) {
  if (parameters.some(({ name }) => name === 'publicKey')) return 'publicKey'
  const [peer] = parameters.filter(({ type }) => type === 'DriverPeer')
  return peer === undefined ? 'undefined' : `${peer.name}.publicKey`
}

/** A type of Rust's, as TypeScript has it. */
function typeOf(rust, structs) {
  const [, optional] = /^Option<(.*)>$/.exec(rust) ?? []
  if (optional !== undefined) return `${typeOf(optional, structs)} | undefined`
  const [, nullable] = /^Either<(.*), Null>$/.exec(rust) ?? []
  if (nullable !== undefined) return `${typeOf(nullable, structs)} | null`
  const [, item] = /^Vec<(.*)>$/.exec(rust) ?? []
  if (item !== undefined) return `readonly ${typeOf(item, structs)}[]`
  const found = TYPES[rust] ?? FIGURES[rust] ?? structs.get(rust)
  if (found === undefined) throw new BuildError(`${RUST}: a command or a field has an unknown type: ${rust}`)
  return found
}

function read(path) {
  return readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
}

const HEAD = '// Written by scripts/build/commands.mjs from native/binding/src, by every build.\n'

/** The files of structs that cross as objects. */
const STRUCTS = ['peer', 'options', 'lanes'].map((name) => `native/binding/src/${name}.rs`)

const TYPES = {
  '()': 'void',
  ...{ u8: 'number', u16: 'number', u32: 'number', i64: 'number', f64: 'number', bool: 'boolean' },
  ...{ EngineLimits: 'EngineLimits', String: 'string', '&[u8]': 'Uint8Array', Uint8Array: 'Uint8Array' },
}

/** Objects whose members are figures: the addon says of their types no more than that they are objects. */
const FIGURES = {
  "DeviceFigures<'env>": 'DeviceFigures',
  "PeerFigures<'env>": 'PeerFigures',
  "ConnectionFigures<'env>": 'ConnectionFigures',
}

const COMMAND =
  /((?: *\/\/\/.*\n)+) *#\[napi(?:\(ts_return_type = ".*"\))?\]\n *pub fn (\w+)(?:<'env>)?\(([\s\S]*?)\)(?: -> (.*))? \{\n[\s\S]*?^ {16}\}\n/gm
const PARAMETER =
  /(?:#\[napi\(ts_arg_type = "(.*)"\)\] )?(?:&(?:'env )?mut self|(\w+): ((?:[^,<]|<(?:[^<>]|<[^>]*>)*>)+))/g
const STRUCT =
  /((?:\/\/\/.*\n)+)#\[napi\(object(?:, js_name = "(\w+)")?, object_(?:to|from)_js = false\)\]\npub struct (\w+) \{\n([\s\S]*?)^\}/gm
const FIELD = /((?: *\/\/\/.*\n)+)(?: *#\[napi\((?:js_name = "(\w+)"|ts_type = "(.*)")\)\]\n)? *pub (\w+): (.*),\n/g
