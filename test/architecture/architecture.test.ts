import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { circles } from './circles'
import { uncovered } from './covered'
import { root, type SourceFile, sources } from './files'
import { houseViolations } from './house-rules'
import { libGraph, orderViolations, unusedUpward } from './lib-order'
import { manifestViolations } from './manifest-rules'
import { openings } from './plain-words'
import { importViolations } from './rust-imports'
import { moduleGraph } from './rust-modules'
import { rustViolations } from './rust-rules'
import { typescriptViolations } from './typescript-rules'

const crates = readdirSync(join(root, 'native')).filter((name) => existsSync(join(root, 'native', name, 'Cargo.toml')))
const rust = sources(['native'], ['.rs'])
const rustOfBenches = sources(['bench'], ['.rs'])
const typescript = sources(['lib', 'examples', 'bench', 'test'], ['.ts', '.mts'])
const lib = typescript.filter(({ path }) => /^lib\/(?!cli\/)/.test(path))
const scripts = sources(['scripts', 'test', 'examples', 'bench'], ['.mjs'])

describe('the room table', () => {
  test('there are sources to check', () => {
    expect(crates.length).toBeGreaterThanOrEqual(7)
    expect(rust.length).toBeGreaterThan(20)
    expect(typescript.length).toBeGreaterThan(20)
  })

  test.each(crates)('native/%s depends on nothing outside its room', (crate) => {
    expect(manifestViolations(crate, read(`native/${crate}/Cargo.toml`))).toEqual([])
  })

  test('Rust sources name nothing outside their room', () => {
    expect(rust.flatMap(rustViolations)).toEqual([])
  })

  test('TypeScript sources import nothing outside their room', () => {
    expect(typescript.flatMap(typescriptViolations)).toEqual([])
  })

  test('imports in lib run down', () => {
    expect(lib.flatMap(orderViolations)).toEqual([])
    expect(unusedUpward(lib)).toEqual([])
  })

  test('no files of lib import each other in a circle', () => {
    expect(circles(libGraph(lib))).toEqual([])
  })

  test.each(crates)('no modules of native/%s name each other in a circle', (crate) => {
    expect(circles(moduleGraph(crate, rust))).toEqual([])
  })

  test('each file of lib has a test of its own, or names the suite that shows it', () => {
    const shown = lib.filter(({ path }) => path !== 'lib/index.ts')
    expect(uncovered(shown, (path) => existsSync(join(root, path)))).toEqual([])
  })

  test('tests wait for what they expect, not for a while', () => {
    const tests = typescript.filter(({ path }) => /^test\/(unit|contract)\//.test(path))
    const waiting = tests.filter(
      ({ path, text }) => !MAY_SLEEP.has(path) && /(?<!\.)\b(setTimeout|setInterval)\(/.test(text),
    )
    expect(
      waiting.map(
        ({ path }) => `${path} sets a timer: \`until\` waits for what is expected, \`nothingFor\` for nothing`,
      ),
    ).toEqual([])
  })

  test('lib/index.ts does nothing but re-export', () => {
    const rest = read('lib/index.ts')
      .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      .replace(/export\s+(type\s+)?\{[^}]*\}\s*from\s*'[^']+';?/g, '')
    expect(rest.trim()).toBe('')
  })

  test('the sans-IO crates share one clippy.toml', () => {
    const rooms = ['wireguard', 'quic', 'engine', 'netstack', 'sctp'].filter((room) => crates.includes(room))
    const contents = new Set(rooms.map((room) => read(`native/${room}/clippy.toml`)))
    expect(contents.size).toBe(1)
  })
})

describe('plain words', () => {
  // quinn's share is 6 %.
  test.each([
    ['lib', lib, 0.02],
    ...crates.map((crate) => [`native/${crate}`, rust.filter(isOf(crate)), 0.02] as const),
  ])('docs in %s open with a noun or a verb, not with "What", "Who", "Those", "Of" or "So"', (_, files, most) => {
    const { all, clauses } = openings(files)
    expect(all).toBeGreaterThan(20)
    expect(clauses.length / all > most ? clauses : []).toEqual([])
  })
})

/** Sources, tests, examples and benches of a crate. */
function isOf(crate: string): (file: SourceFile) => boolean {
  return ({ path }) => path.startsWith(`native/${crate}/`)
}

describe('the house', () => {
  test('files are short, and named after what they hold', () => {
    expect([...rust, ...rustOfBenches, ...typescript, ...scripts].flatMap(houseViolations)).toEqual([])
  })

  test('Rust sources import in one way', () => {
    expect([...rust, ...rustOfBenches].flatMap(importViolations)).toEqual([])
  })

  test('the package has no dependencies and runs nothing when installed', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>
    expect(manifest.dependencies).toBeUndefined()
    // No packages for platforms: a lockfile of another system, --omit=optional or a copied node_modules lose them.
    expect(manifest.optionalDependencies).toBeUndefined()
    expect(Object.keys(manifest.scripts ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$/)]),
    )
    expect(existsSync(join(root, 'binding.gyp'))).toBe(false)
  })

  test('the lockfile names the binaries of every platform, and no address', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }
    const named = Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, ''))
    const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies).filter((name) => !named.includes(name)),
    )
    expect(missing).toEqual([])
    expect(Object.values(packages).flatMap(({ resolved }) => resolved ?? [])).toEqual([])
  })
})

/** The helpers that wait, the wire that delays, and programs in processes of their own, which have no helpers. */
const MAY_SLEEP: ReadonlySet<string> = new Set([
  'test/contract/network.ts',
  'test/contract/wire.ts',
  'test/contract/uncaught.test.ts',
])

interface LockedPackage {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
