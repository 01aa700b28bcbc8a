// The tarball as its users meet it: what it holds, and every way of loading it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { prebuildName } from '../../scripts/build/addon.mjs'
import { exportedNames } from '../../scripts/build/wrapper.mjs'
import { pack } from '../../scripts/release/pack.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const user = join(root, 'target/package-user')
const tarball = join(user, 'warren.tgz')
const bin = (path) => [process.execPath, join(root, 'node_modules', path)]
let files = []

before(() => {
  rmSync(user, { recursive: true, force: true })
  mkdirSync(join(user, 'node_modules/@types'), { recursive: true })
  const packed = pack({ [prebuildName()]: join(root, 'prebuilds', prebuildName(), 'warren.node') }, user)
  files = packed.files
  cpSync(packed.tarball, tarball)
  cpSync(join(user, 'package'), join(user, 'node_modules/warren'), { recursive: true })
  cpSync(join(root, 'node_modules/@types/node'), join(user, 'node_modules/@types/node'), { recursive: true })
  cpSync(join(root, 'node_modules/undici-types'), join(user, 'node_modules/undici-types'), { recursive: true })
  write('package.json', '{ "name": "user", "private": true }')
})

test('the tarball holds the library, its types, the addon and the docs, and nothing else', () => {
  for (const wanted of ['dist/index.js', 'dist/index.mjs', 'dist/index.d.ts', 'dist/index.d.mts', 'dist/cli/main.js']) {
    assert.ok(files.includes(wanted), `${wanted} is missing`)
  }
  assert.ok(files.includes(`prebuilds/${prebuildName()}/warren.node`), 'the addon is missing')
  for (const wanted of [
    'README.md',
    'LICENSE',
    'LICENSE-MIT',
    'LICENSE-APACHE',
    'CHANGELOG.md',
    'THIRD-PARTY-NOTICES',
  ]) {
    assert.ok(files.includes(wanted), `${wanted} is missing`)
  }
  const known = /^(dist\/|prebuilds\/[\w-]+\/warren\.node$|docs\/.*\.(md|svg)$|[A-Z-]+(\.md)?$|package\.json$)/
  const rest = files.filter((path) => !known.test(path))
  assert.deepEqual(rest, [])
  assert.deepEqual(
    files.filter(
      (path) => /^dist\/(examples|bench)\//.test(path) || (path.endsWith('.ts') && !/\.d\.m?ts$/.test(path)),
    ),
    [],
  )
})

test('nothing in it runs when it is installed, from a folder either', () => {
  const manifest = JSON.parse(readFileSync(join(user, 'package/package.json'), 'utf8'))
  for (const key of ['scripts', 'dependencies', 'devDependencies', 'optionalDependencies', 'os', 'cpu', 'overrides']) {
    assert.equal(manifest[key], undefined, `package.json has ${key}`)
  }
  const folder = join(user, 'of-a-folder')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true }')
  run(['npm', 'install', '--offline', '--no-audit', '--no-fund', '../package'], folder)
  writeFileSync(
    join(folder, 'plain.cjs'),
    `${OPENS_A_DEVICE}\nopens(require('warren')).then(() => console.log('opened'))`,
  )
  assert.equal(run([process.execPath, 'plain.cjs'], folder), 'opened\n')
})

test('a lockfile, --omit=optional and a copied node_modules keep the addon', () => {
  const [project, copy] = [join(user, 'of-a-tarball'), join(user, 'copied')]
  const npm = (...args) => run(['npm', ...args, '--offline', '--no-audit', '--no-fund'], project)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true }')
  npm('install', tarball)
  rmSync(join(project, 'node_modules'), { recursive: true })
  npm('ci', '--omit=optional')
  cpSync(project, copy, { recursive: true })
  rmSync(project, { recursive: true })
  writeFileSync(
    join(copy, 'plain.cjs'),
    `${OPENS_A_DEVICE}\nopens(require('warren')).then(() => console.log('opened'))`,
  )
  assert.equal(run([process.execPath, 'plain.cjs'], copy), 'opened\n')
})

test('what is linked into the addon is named with its licence, for people and for tools', () => {
  const notices = readFileSync(join(user, 'package/THIRD-PARTY-NOTICES'), 'utf8')
  for (const crate of ['boringtun', 'quinn-proto', 'napi', 'ring', 'quinn-udp']) {
    assert.match(notices, new RegExp(`^${crate} \\d+\\.`, 'm'), crate)
  }
  assert.match(notices, /Copyright \(c\) 2019.* Cloudflare/)
  assert.doesNotMatch(notices, /^(warren-\w+|napi-derive|proptest) /m)
  const { components, metadata } = JSON.parse(readFileSync(join(user, 'sbom.cdx.json'), 'utf8'))
  assert.match(metadata.component.purl, /^pkg:npm\/warren@/)
  assert.ok(components.some(({ purl }) => purl.startsWith('pkg:cargo/boringtun@')))
  assert.deepEqual(
    components.filter(({ licenses }) => licenses === undefined),
    [],
  )
})

test('publint finds nothing', () => {
  run([...bin('publint/src/cli.js'), tarball, '--strict'])
})

test('the types are right for import and for require', () => {
  run([...bin('@arethetypeswrong/cli/dist/index.js'), tarball, '--no-emoji', '--no-color'])
})

test('import and require give one instance, with the same names', () => {
  write(
    'one.mjs',
    `import { createRequire } from 'node:module'
     import * as esm from 'warren'
     const cjs = createRequire(import.meta.url)('warren')
     const names = Object.keys(esm).sort()
     for (const name of names) if (esm[name] !== cjs[name]) throw new Error('two instances of ' + name)
     console.log(JSON.stringify([names, Object.keys(cjs).filter((name) => name !== '__esModule').sort()]))`,
  )
  const [esm, cjs] = JSON.parse(run([process.execPath, 'one.mjs']))
  assert.deepEqual(esm, cjs)
  assert.deepEqual(esm, exportedNames(readFileSync(join(root, 'lib/index.ts'), 'utf8')).values)
})

test('it opens a device in plain CommonJS', () => {
  write('plain.cjs', `${OPENS_A_DEVICE}\nopens(require('warren')).then(() => console.log('opened'))`)
  assert.equal(run([process.execPath, 'plain.cjs']), 'opened\n')
})

test("it opens a device in a user's CommonJS jest project", () => {
  write('device.test.js', `${OPENS_A_DEVICE}\ntest('a device opens', () => opens(require('warren')))`)
  run([...bin('jest/bin/jest.js'), `--rootDir=${user}`, '--config={}', '--modulePathIgnorePatterns=/package/'])
})

test('it compiles in a strict project, declarations checked too', () => {
  const program = `import { Device, PrivateKey, type DeviceOptions } from 'warren'
    const options: DeviceOptions = { privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1', port: 0 } }
    export async function open(): Promise<string> {
      const device = await Device.open(options)
      await device.close()
      return device.publicKey
    }`
  for (const file of ['user.ts', 'user.mts', 'user.cts']) write(file, program)
  const strict = { strict: true, noEmit: true, exactOptionalPropertyTypes: true, target: 'es2023', types: ['node'] }
  for (const [options, files] of [
    [{ module: 'node16' }, ['user.ts', 'user.mts', 'user.cts']],
    [{ module: 'nodenext' }, ['user.ts', 'user.mts', 'user.cts']],
    [{ module: 'esnext', moduleResolution: 'bundler' }, ['user.ts']],
  ]) {
    const compilerOptions = { ...strict, lib: ['es2023', 'esnext.disposable'], ...options }
    write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
    run([...bin('typescript/bin/tsc'), '-p', '.'])
  }
})

test('the command line makes a key pair', () => {
  const cli = [process.execPath, 'node_modules/warren/dist/cli/main.js']
  const privateKey = run([...cli, 'genkey'])
  assert.match(privateKey, /^[A-Za-z0-9+/]{43}=\n$/)
  assert.match(run([...cli, 'pubkey'], user, privateKey), /^[A-Za-z0-9+/]{43}=\n$/)
})

const OPENS_A_DEVICE = `async function opens({ Device, PrivateKey }) {
  const device = await Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
  await device.close()
}`

function write(name, text) {
  writeFileSync(join(user, name), text)
}

function run([command, ...args], cwd = user, input = '') {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, input, encoding: 'utf8', timeout: 120_000 })
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}
