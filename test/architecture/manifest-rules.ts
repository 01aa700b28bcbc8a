import { PURE_CRATES, ROOMS, whyNot } from './rooms'

/** What a crate's manifest names that its room may not, each with the reason. `manifest` is the text of its Cargo.toml. */
export function manifestViolations(folder: string, manifest: string): string[] {
  const room = ROOMS[folder]
  if (room === undefined) return [`native/${folder}: an unknown room: add it to test/architecture/rooms.ts`]
  return dependencies(manifest)
    .filter(({ crate, kind }) => {
      if (PURE_CRATES.has(crate) || room.mayUse.includes(crate)) return false
      return !(kind === 'dev' && (room.tests.includes(crate) || ownTestFeature(crate, manifest)))
    })
    .map(({ crate }) => `native/${folder}/Cargo.toml depends on ${crate}: ${whyNot(crate)}`)
}

interface Dependency {
  readonly crate: string
  readonly kind: 'normal' | 'dev' | 'build'
}

function dependencies(manifest: string): Dependency[] {
  const found: Dependency[] = []
  let kind: Dependency['kind'] | undefined
  for (const line of manifest.split('\n')) {
    const section = /^\[(.+)\]\s*$/.exec(line)?.[1]
    if (section !== undefined) {
      const match = /(?:^|\.)(dev-|build-)?dependencies(?:\.([\w-]+))?$/.exec(section)
      kind = match === null ? undefined : match[1] === 'dev-' ? 'dev' : match[1] === 'build-' ? 'build' : 'normal'
      if (kind !== undefined && match?.[2] !== undefined) found.push({ crate: match[2], kind })
      continue
    }
    const crate = /^([\w-]+)(?:\.workspace)?\s*=/.exec(line)?.[1]
    if (kind !== undefined && crate !== undefined) found.push({ crate, kind })
  }
  return found
}

/** A crate may depend on itself in its tests, to switch a feature on. */
function ownTestFeature(crate: string, manifest: string): boolean {
  return new RegExp(`^name = "${crate}"$`, 'm').test(manifest)
}
