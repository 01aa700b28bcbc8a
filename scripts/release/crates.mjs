import { targets } from './targets.mjs'
import { call } from './tools.mjs'

/**
 * The crates of others that are linked into the addon, on any system that it is built for: normal dependencies from `warren-binding` on.
 * What runs at build time alone (build scripts, macros) is no part of what is shipped.
 */
export function linkedCrates() {
  const crates = new Map(Object.values(targets).flatMap(({ triple }) => linkedOn(triple).map((one) => [one.id, one])))
  const key = ({ name, version }) => `${name} ${version}`
  return [...crates.values()].sort((one, other) => key(one).localeCompare(key(other)))
}

function linkedOn(triple) {
  const options = ['--format-version', '1', '--locked', '--filter-platform', triple]
  const { packages, resolve } = JSON.parse(call('cargo', ['metadata', ...options]))
  const packageOf = new Map(packages.map((one) => [one.id, one]))
  const nodeOf = new Map(resolve.nodes.map((node) => [node.id, node]))
  const found = new Set()
  const visit = (id) => {
    const { targets } = packageOf.get(id)
    if (found.has(id) || targets.some(({ kind }) => kind.includes('proc-macro'))) return
    found.add(id)
    for (const { pkg, dep_kinds } of nodeOf.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg)
  }
  visit(packages.find(({ name }) => name === 'warren-binding').id)
  return [...found].map((id) => packageOf.get(id)).filter(({ source }) => source !== null)
}
