// Which addon is loaded, and what is said when none is: over copies of the built package.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { prebuildName } from '../../scripts/build/addon.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'warren-addon-'))
const own = join(folder, 'prebuilds', prebuildName(), 'warren.node')
const elsewhere = join(folder, 'elsewhere.node')
const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

after(() => rmSync(folder, { recursive: true }))

beforeEach(() => {
  rmSync(folder, { recursive: true })
  mkdirSync(join(folder, 'prebuilds', prebuildName()), { recursive: true })
  for (const path of ['dist', 'package.json']) cpSync(join(root, path), join(folder, path), { recursive: true })
  cpSync(join(root, 'prebuilds', prebuildName(), 'warren.node'), own)
})

test("the package's own addon is loaded", () => {
  assert.equal(open().stdout, 'opened\n')
})

test('an addon that is missing is named, and no other package is looked for', () => {
  rmSync(own)
  mkdirSync(join(folder, `node_modules/warren-${process.platform}-${process.arch}-gnu`), { recursive: true })
  const foreign = join(folder, `node_modules/warren-${process.platform}-${process.arch}-gnu/index.js`)
  writeFileSync(foreign, "console.log('a stranger runs here')")
  const { stdout } = open()
  assert.match(stdout, /^ERR_WARREN_ADDON_NOT_FOUND .*: the file is not there\.\nCure: install warren again/)
  assert.ok(stdout.includes(`Tried: ${own}: Cannot find module`), stdout)
  assert.doesNotMatch(stdout, /a stranger/)
})

test('an addon that is cut off or overwritten is to be installed again', () => {
  const whole = readFileSync(own)
  for (const bytes of [
    whole.subarray(0, 0),
    whole.subarray(0, 1000),
    whole.subarray(0, -1),
    Buffer.concat([whole.subarray(0, -4096), Buffer.alloc(4096)]),
    Buffer.from('<html>Not found</html>'.repeat(50)),
  ]) {
    writeFileSync(own, bytes)
    assert.match(open().stdout, /the file is damaged, or made for another system\.\nCure: install warren again/)
  }
})

test('a damaged addon that is linked into a cache is to be taken out of there first', () => {
  writeFileSync(own, '')
  assert.doesNotMatch(open().stdout, /cache/)
  linkSync(own, elsewhere)
  assert.match(open().stdout, /delete node_modules, then npm install; with bun, bun pm cache rm first\)/)
})

test("the package's own addon is of the package's version", () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const renamed = (version) => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }))
    return open().stdout
  }
  assert.match(renamed('99.0.0'), /the addon is of another version\.\nCure: install warren again/)
  assert.equal(renamed(`${version}-rehearsal.20260102030405`), 'opened\n')
})

test('a folder in place of the addon is to be installed again', () => {
  rmSync(own)
  mkdirSync(own)
  assert.match(open().stdout, /a folder is in place of the file\.\nCure: install warren again/)
  writeFileSync(join(own, 'index.js'), '')
  assert.match(open().stdout, /a folder is in place of the file\.\nCure: install warren again/)
})

const onLinux = { skip: process.platform !== 'linux' }

test('an addon for another processor or C library is told by which', onLinux, () => {
  const whole = readFileSync(own)
  const [here, other] = process.arch === 'arm64' ? ['arm64', 'x64'] : ['x64', 'arm64']
  whole.writeUInt16LE(other === 'arm64' ? 183 : 62, 0x12)
  writeFileSync(own, whole)
  assert.match(open().stdout, new RegExp(`made for ${other}\\.\\nCure: install warren again[^]*Node for ${here}`))
  const named = open({ env: { WARREN_ADDON: own } }).stdout
  assert.match(named, new RegExp(`Cure: name one for ${prebuildName()}, or take WARREN_ADDON away`))
})

test('an addon of musl is told from one of glibc', { skip: prebuildName().includes('musl') || onLinux.skip }, () => {
  writeFileSync(own, Buffer.from(readFileSync(own, 'latin1').replaceAll('GLIBC_2.', 'GLIBX_2.'), 'latin1'))
  assert.match(open().stdout, /made for musl\.\nCure: install warren again/)
})

test('WARREN_ADDON names another file', () => {
  cpSync(own, elsewhere)
  rmSync(own)
  assert.equal(open({ env: { WARREN_ADDON: elsewhere } }).stdout, 'opened\n')
  assert.equal(open({ env: { WARREN_ADDON: '' } }).stdout.slice(0, 26), 'ERR_WARREN_ADDON_NOT_FOUND')
})

test('a file that WARREN_ADDON names and that cannot be it is not passed over in silence', () => {
  const named = (path) => open({ env: { WARREN_ADDON: path } }).stdout
  assert.match(named('elsewhere.node'), /WARREN_ADDON holds no absolute path\.\nCure: name the file in full/)
  assert.match(named(elsewhere), /the file is not there\.\nCure: .* take WARREN_ADDON away/)
  cpSync(own, elsewhere)
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }))
  const other = named(elsewhere)
  assert.match(other, /WARREN_ADDON names an addon of another version\.\nCure: name one of version 99\.0\.0, or take/)
  assert.ok(other.includes(`Tried: ${elsewhere}: version ${version}, and the package is 99.0.0`), other)
})

test('setAddonPath() wins over WARREN_ADDON, and comes too late once a device was opened', () => {
  cpSync(own, elsewhere)
  const before = `setAddonPath(${JSON.stringify(elsewhere)})`
  assert.equal(open({ before, env: { WARREN_ADDON: '/nowhere.node' } }).stdout, 'opened\n')
  const after = `try { ${before} } catch (error) { console.log(error.name, error.code) }`
  assert.equal(open({ after }).stdout, 'opened\nWarrenError ERR_WARREN_ADDON_LOADED\n')
  const relative = "try { setAddonPath('x.node') } catch (error) { console.log(error.name, error.message) }"
  assert.match(open({ before: relative }).stdout, /^TypeError path must be an absolute path; got "x\.node"\nopened\n/)
})

const asRoot = { skip: process.platform !== 'linux' || process.getuid() !== 0 }

test('WARREN_ADDON is not heeded where the process has the rights of somebody else', asRoot, () => {
  cpSync(own, elsewhere)
  const before = 'process.seteuid(65534)'
  assert.equal(open({ before, env: { WARREN_ADDON: '/nowhere.node' }, readable: true }).stdout, 'opened\n')
})

test('an addon that the user may not read is told by name, with what lets them', asRoot, () => {
  const before = 'process.seteuid(65534)'
  for (const path of [own, join(folder, 'prebuilds')]) {
    const { stdout } = open({ before, readable: true, hidden: path })
    assert.match(stdout, /the user that runs the program may not read the file\.\nCure: let it \(chmod a\+r/)
    chmodSync(path, 0o755)
    assert.equal(open({ before, readable: true }).stdout, 'opened\n')
  }
})

test('Node that takes no addons is told apart from one that is missing', () => {
  const without = open({ flags: ['--no-addons'] }).stdout
  assert.match(without, /Node was started with --no-addons\.\nCure: start it without/)
  const [permission] = ['--permission', '--experimental-permission'].filter((flag) =>
    process.allowedNodeEnvironmentFlags.has(flag),
  )
  const flags = [permission, '--allow-fs-read=*']
  assert.match(open({ flags }).stdout, /allows no addons\.\nCure: start Node with --allow-addons/)
})

test('no report is made: it would look up the ends of every socket by name', () => {
  const before = `for (const name of ['getReport', 'writeReport']) process.report[name] = () => console.log(name)`
  assert.equal(open({ before }).stdout, 'opened\n')
})

/** Opens a device of the copy in a process of its own, after some other code; says "opened", or the error. */
function open({ before = '', after = '', env = {}, flags = [], readable = false, hidden = undefined } = {}) {
  if (readable) spawnSync('chmod', ['-R', 'a+rX', folder])
  if (hidden !== undefined) chmodSync(hidden, 0)
  const program = join(folder, 'open.cjs')
  writeFileSync(
    program,
    `const { Device, PrivateKey, setAddonPath } = require('./dist/index.js')
     ${before}
     Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
       .then((device) => device.close())
       .then(() => console.log('opened'), (error) => console.log(error.code, error.message))
       .finally(() => { ${after} })`,
  )
  if (readable) spawnSync('chmod', ['a+r', program])
  const variables = { ...process.env, WARREN_ADDON: undefined, ...env }
  return spawnSync(process.execPath, [...flags, program], { encoding: 'utf8', env: variables, timeout: 60_000 })
}
