import { readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { BuildError } from './error.mjs'
import { filesUnder } from './fingerprint.mjs'
import { picture } from './layers.mjs'
import { root } from './root.mjs'

const PICTURE = 'docs/design/rooms.svg'
const ORDER = 'test/architecture/lib-order.ts'

/** The picture of the rooms, from the imports of `lib` and of the crates that ship: its path and its text. */
export function roomFiles() {
  return { [PICTURE]: picture(rooms()) }
}

/** Rooms in the order of their names, each with its band and those that it imports; `up` holds the imports that run up all the same. */
export function rooms() {
  const imports = new Map([...libRooms(), ...shippedCrates()])
  const order = orderOfLib()
  const graph = new Map()
  for (const [room, used] of [...imports].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const isUp = (other) => order.includes(room) && order.indexOf(other) > order.indexOf(room)
    graph.set(room, {
      band: order.includes(room) ? 'lib' : 'native',
      down: [...used].filter((other) => !isUp(other)).sort(),
      up: [...used].filter(isUp).sort(),
    })
  }
  return graph
}

/** The rooms of `lib` but the command line, which uses the package from outside. */
function libRooms() {
  const imports = new Map()
  for (const [path, text] of sources('lib', '.ts')) {
    const room = roomOf(path)
    if (room === 'cli') continue
    if (!imports.has(room)) imports.set(room, new Set())
    for (const [, specifier] of withoutComments(text).matchAll(IMPORT)) {
      const target = roomOf(join(path, '..', specifier).split(sep).join('/'))
      if (target !== room) imports.get(room).add(target)
    }
  }
  return imports
}

/** The crates that `native/binding` is made of, itself included. */
function shippedCrates() {
  const imports = new Map()
  const visit = (crate) => {
    if (imports.has(crate)) return
    const used = new Set()
    imports.set(crate, used)
    for (const [path, text] of sources(`native/${crate}/src`, '.rs')) {
      if (/\/tests(\.rs$|\/)/.test(path)) continue
      const [code] = withoutComments(text).split('#[cfg(test)]')
      for (const [, other] of code.matchAll(/\bwarren_(\w+)::/g)) used.add(other)
    }
    used.delete(crate)
    used.forEach(visit)
  }
  visit('binding')
  return imports
}

/** `device` of `lib/device/routes.ts`, `keys` of `lib/keys.js`, `binding` of `native/binding.js`. */
function roomOf(path) {
  return path.split('/')[1].replace(/\.(js|ts)$/, '')
}

function sources(folder, ending) {
  return filesUnder(join(root, folder))
    .filter((path) => path.endsWith(ending))
    .map((path) => [relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')])
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function orderOfLib() {
  const [, list] = /const ORDER\b[^=]*= \[([^\]]*)\]/.exec(readFileSync(join(root, ORDER), 'utf8')) ?? []
  if (list === undefined) throw new BuildError(`${ORDER} has no list of rooms`)
  return Array.from(list.matchAll(/'([^']+)'/g), ([, room]) => room)
}

const IMPORT = /\bfrom\s*'(\.[^'\n]+)'/g
