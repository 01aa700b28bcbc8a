import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A name that users of the package see, or a member of one, with its doc comment. */
export interface PublicItem {
  /** `Device`, or `Device.open`. */
  readonly name: string
  readonly kind: 'class' | 'interface' | 'type' | 'function' | 'member'
  /** Without asterisks; '' where there is none. */
  readonly doc: string
  /** The first line of the declaration. */
  readonly code: string
}

/**
 * Reads the declarations in `folder`, as tsc emits them from `lib`, and gives all that `index.d.ts` exports, with the members of
 * classes, interfaces and object types, inherited ones included. Overloads, and a setter beside its getter, are one item.
 */
export function publicItems(folder: string): readonly PublicItem[] {
  const index = readFileSync(join(folder, 'index.d.ts'), 'utf8')
  return [...index.matchAll(/export (?:type )?\{([^}]*)\} from '(.+)'/g)].flatMap(([, list = '', from = '']) => {
    const names = list.split(',').map((item) => item.replace(/\btype\b/, '').trim())
    return names.filter((name) => name !== '').flatMap((name) => itemsOf(name, join(folder, from)))
  })
}

function itemsOf(name: string, module: string): readonly PublicItem[] {
  const text = readFileSync(module.replace(/\.js$/, '.d.ts'), 'utf8')
  const start = new RegExp(`^export (?:declare |abstract )*(class|interface|type|function) ${name}\\b.*`, 'm').exec(
    text,
  )
  if (start === null) throw new Error(`${module} does not declare ${name}`)
  const [code, kind] = start as unknown as [string, PublicItem['kind']]
  const item = { name, kind, doc: docBefore(text.slice(0, start.index)), code }
  if (kind === 'function') return [item]
  const heads = kind === 'type' ? undefined : /\bextends (.+?)(?: implements .*)? \{/.exec(code)?.[1]
  const bases = heads?.replace(/<.*?>/g, '').split(', ') ?? []
  const inherited = bases.flatMap((base) => {
    const from = new RegExp(`import (?:type )?\\{[^}]*\\b${base}\\b[^}]*\\} from '(\\..+)'`).exec(text)?.[1]
    return from === undefined ? [] : itemsOf(base, join(module, '..', from))
  })
  return [item, ...membersOf(name, bodyOf(kind, text.slice(start.index))), ...inherited]
}

/** Up to the end of a declaration, which stands at the margin. */
function bodyOf(kind: PublicItem['kind'], text: string): string {
  const end = kind === 'type' ? /^(?:export type .*|\}.*|[^ ].*);$/m : /^\}/m
  return text.slice(0, end.exec(text)?.index)
}

function membersOf(owner: string, body: string): readonly PublicItem[] {
  const members = new Map<string, PublicItem>()
  let before = ''
  for (const line of body.split('\n')) {
    const member = MEMBER.exec(line)?.[1]
    const name = `${owner}.${member}`
    if (member !== undefined && !HIDDEN.test(line) && !members.has(name))
      members.set(name, { name, kind: 'member', doc: docBefore(before), code: line.trim() })
    before = member === undefined ? `${before}${line}\n` : ''
  }
  return [...members.values()]
}

/** The doc comment at the end of a text. */
function docBefore(text: string): string {
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text)?.[1] ?? ''
  return comment.replace(/^\s*\* ?/gm, '').trim()
}

/** The line of a member, four blanks in; its name is captured. */
const MEMBER = /^ {4}(?:(?:readonly|static|get|set|abstract) )*(\[?[\w.]+\]?)\??[(:;<]/

/** Members that are nobody's to use, and hooks that `node:stream` calls and nobody else. */
const HIDDEN = /^ {4}(?:private |protected |constructor\(|_)/
