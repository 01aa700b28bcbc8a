import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { root, sources } from './files'
import { libGraph, UPWARD } from './lib-order'

test('what is written from tables in Rust and from imports says what these say: `npm run build` writes it', () => {
  expect(inNode<string[]>('./scripts/build/generated.mjs', 'staleFiles().map(([path]) => path)')).toEqual([])
})

test('the picture of the rooms has the imports between them, and no others', () => {
  const lib = sources(['lib'], ['.ts']).filter(({ path }) => !path.startsWith('lib/cli/'))
  const arrows = Array.from(libGraph(lib), ([from, targets]) => Array.from(targets, (to) => arrow(from, to))).flat()
  const up = Array.from(UPWARD.keys(), (import_) => import_.split(' → ')).map(([from = '', to = '']) => arrow(from, to))
  const between = new Set([...arrows, ...up].filter((each) => !/^(.*) → \1$/.test(each)))
  const drawn = inNode<readonly [string, Room][]>('./scripts/build/rooms.mjs', '[...rooms()]')
    .filter(([, { band }]) => band === 'lib')
    .flatMap(([room, { down, up }]) => [...down, ...up].map((to) => `${room} → ${to}`))
  expect(drawn.filter((each) => !each.endsWith(' → binding')).sort()).toEqual([...between].sort())
})

function arrow(from: string, to: string): string {
  return `${roomOf(from)} → ${roomOf(to)}`
}

function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '')
}

/** The value of an expression over what a script of the build exports: Jest does not load these as they are. */
function inNode<T>(script: string, expression: string): T {
  const code = `import('${script}').then(({ staleFiles, rooms }) => console.log(JSON.stringify(${expression})))`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout) as T
}

interface Room {
  readonly band: 'lib' | 'native'
  readonly down: readonly string[]
  readonly up: readonly string[]
}
