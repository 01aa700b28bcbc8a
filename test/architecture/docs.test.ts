import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { root } from './files'
import { type PublicItem, publicItems } from './public-docs'

const folder = mkdtempSync(join(tmpdir(), 'warren-docs-'))
const items = declared()

afterAll(() => rmSync(folder, { recursive: true }))

describe('the public API', () => {
  test('there are declarations to check', () => {
    expect(names(items.filter(({ kind }) => kind === 'class'))).toEqual(
      expect.arrayContaining(['Device', 'WarrenError']),
    )
    expect(names(items)).toEqual(
      expect.arrayContaining([
        'Device.open',
        'DeviceOptions.listen',
        'Peer.up',
        'Messages',
        'addressOf',
        'LaneStats.oldest',
        'ConnectionFigures.rttMs',
        'SocketLike.setTimeout',
        'PeerEvent.retryInMs',
      ]),
    )
    expect(items.length).toBeGreaterThan(200)
  })

  test('every name and every member has a doc comment', () => {
    expect(names(items.filter(({ doc }) => doc === ''))).toEqual([])
  })

  test('a doc comment begins with a noun or a verb', () => {
    expect(items.filter(({ doc }) => WEAK_START.test(doc)).map(({ name, doc }) => `${name}: ${doc}`)).toEqual([])
  })

  test('an option that may be left out says what holds then', () => {
    const options = items.filter(
      ({ name, kind, code }) => kind === 'member' && IS_OPTION.test(name) && /\w\?:/.test(code),
    )
    expect(options.length).toBeGreaterThan(30)
    expect(names(options.filter(({ doc }) => !/\b(?:default|absent|left out)\b/i.test(doc)))).toEqual([])
  })

  test('a number says what it counts', () => {
    const numbers = items.filter(({ code }) => /^(?:readonly )?\w+\??: number\b/.test(code))
    expect(numbers.length).toBeGreaterThan(30)
    expect(names(numbers.filter(({ doc }) => !UNIT.test(doc)))).toEqual([])
  })

  test('the main types have examples, which parse', () => {
    const examples = new Map(items.map(({ name, doc }) => [name, /^@example\n([\s\S]+)/m.exec(doc)?.[1] ?? '']))
    expect(MAIN.filter((name) => !examples.get(name))).toEqual([])
    for (const [name, text] of examples) {
      const code = /^```js\n([\s\S]+)^```/m.exec(text)?.[1] ?? ''
      if (text !== '') expect({ name, code, parses: parses(code) }).toEqual({ name, code, parses: true })
    }
  })
})

function declared(): readonly PublicItem[] {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', folder]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(stdout)
  return publicItems(folder)
}

function names(some: readonly PublicItem[]): readonly string[] {
  return some.map(({ name }) => name)
}

function parses(code: string): boolean {
  try {
    new AsyncFunction(code)
    return code !== ''
  } catch {
    return false
  }
}

const AsyncFunction = (async () => {}).constructor as new (code: string) => unknown

/** A clause that names nothing yet. */
const WEAK_START =
  /^(?:What|Whatever|Who|Whom|Whose|Those|Of|So|How|Why|Where|Whether|Which|When|It|Its|They|There|This|That)\b/

const IS_OPTION = /^\w+(?:Options|Changes|Filter)\.|^Limits\./

const UNIT =
  /\b(?:bytes?|bits per second|milliseconds?|seconds?|KiB|MiB|priority|port|number|count|how many|how often|peers|messages|strangers|handshakes|streams|connections|initiations|code)\b/i

/** What a program is written with. */
const MAIN = [
  'Device',
  'Device.open',
  'Device.addPeer',
  'Device.messages',
  'Device.broadcast',
  'Peer',
  'Peer.connect',
  'Connection',
  'Connection.send',
  'Connection.messages',
  'Connection.openStream',
  'ConnectionStream',
  'PrivateKey',
  'WarrenError',
  'parseConfig',
]
