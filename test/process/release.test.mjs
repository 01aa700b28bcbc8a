// What is looked for in an addon before it ships: over this machine's own, whole and altered.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { prebuildName } from '../../scripts/build/addon.mjs'
import { isSigned } from '../../scripts/release/mach-o.mjs'
import { notesOf, rehearsalVersion, releaseFiles, unready } from '../../scripts/release/ready.mjs'
import { standing } from '../../scripts/release/standing.mjs'
import { targets } from '../../scripts/release/targets.mjs'
import { verify } from '../../scripts/release/verify.mjs'
import { endWine } from '../../scripts/release/windows.mjs'
import { run } from '../../scripts/step.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const name = prebuildName()
const own = readFileSync(join(root, 'prebuilds', name, 'warren.node'))
const folder = mkdtempSync(join(tmpdir(), 'warren-verify-'))
const onLinux = { skip: process.platform !== 'linux' }

after(() => rmSync(folder, { recursive: true }))

/** Built here for here: a C library as new as this machine's, and the paths of its sources. */
const OF_THIS_MACHINE = /^(needs \d|asks for libgcc_s|has a path of this machine)/

test("this machine's own addon is right but for what is this machine's", () => {
  assert.deepEqual(
    complaints(name, own).filter((sentence) => !OF_THIS_MACHINE.test(sentence)),
    [],
  )
})

test('a file that is too large, of another processor or no addon at all is told', onLinux, () => {
  const other = name.includes('arm64') ? 'linux-x64' : 'linux-arm64'
  assert.ok(complaints(other, own).some((sentence) => /^is for processor \d+, not \d+$/.test(sentence)))
  const large = Buffer.concat([own, Buffer.alloc(3 << 20)])
  assert.ok(complaints(name, large).some((sentence) => sentence.includes('are the most')))
  assert.deepEqual(complaints(name, Buffer.from('nothing of the kind')), ['is no elf file'])
  assert.deepEqual(complaints('win32-x64', own), ['is no pe file'])
})

test('an addon with a command that provokes a panic is told', () => {
  const provoking = Buffer.concat([own, Buffer.from('provokePanic')])
  assert.ok(complaints(name, provoking).includes('has a command that provokes a panic'))
})

test('an addon without its entry, or with a path of the machine that built it, is told', onLinux, () => {
  const renamed = altered('napi_register_module_v1', 'napi_register_module_v9')
  assert.ok(complaints(name, renamed).includes('does not export napi_register_module_v1'))
  assert.ok(complaints(name, renamed).includes('exports napi_register_module_v9'))
  const revealing = Buffer.concat([own, Buffer.from(`${root}native`)])
  assert.ok(complaints(name, revealing).includes(`has a path of this machine in it: ${root.slice(0, -1)}`))
})

test('a signature for macOS is of the very bytes', () => {
  const code = Buffer.alloc(10_000, 7)
  const directory = Buffer.alloc(44 + 3 * 32)
  for (const [field, value] of [
    [16, 44],
    [28, 3],
    [32, code.length],
  ])
    directory.writeUInt32BE(value, field)
  directory[39] = 12
  for (const page of [0, 1, 2]) {
    const content = code.subarray(page * 4096, (page + 1) * 4096)
    createHash('sha256')
      .update(content)
      .digest()
      .copy(directory, 44 + page * 32)
  }
  const head = Buffer.alloc(20)
  head.writeUInt32BE(1, 8)
  head.writeUInt32BE(head.length, 16)
  const file = Buffer.concat([code, head, directory])
  assert.ok(isSigned(file, code.length))
  file[9_999] = 8
  assert.ok(!isSigned(file, code.length))
})

test('an executable stack is told', onLinux, () => {
  const bytes = Buffer.from(own)
  const header = bytes.indexOf(Buffer.from([0x51, 0xe5, 0x74, 0x64]))
  bytes.writeUInt32LE(7, header + 4)
  assert.ok(complaints(name, bytes).some((sentence) => sentence.startsWith('asks for an executable stack')))
})

test('a glibc that is newer than promised is told', { skip: targets[name]?.libc !== 'glibc' }, () => {
  // Of the same length as a version that every addon asks for, on any processor.
  const newer = altered('GLIBC_2.17', 'GLIBC_9.99')
  assert.ok(complaints(name, newer).includes('needs 9.99; the oldest promised is 2.17'))
})

test('the loader, the release and the build know the same systems', () => {
  const { PREBUILDS } = createRequire(import.meta.url)('../../dist/addon/prebuilds.js')
  assert.deepEqual(Object.keys(PREBUILDS).sort(), Object.keys(targets).sort())
  for (const [name, load] of Object.entries(PREBUILDS))
    assert.ok(String(load).includes(`/prebuilds/${name}/warren.node`))
  const triples = Object.values(targets).map(({ triple }) => triple)
  assert.deepEqual([...releaseFiles().manifest.napi.targets].sort(), triples.sort())
})

test('the package and the addon have one version', () => {
  const files = releaseFiles()
  assert.deepEqual(
    unready(files, 'v0').filter((sentence) => sentence.startsWith('Cargo.toml')),
    [],
  )
})

test('a release says where the project lives, and what is new in it', () => {
  const manifest = { version: '1.2.3', repository: 'r', bugs: 'b', homepage: 'h', author: 'a' }
  const cargo = '[workspace.package]\nversion = "1.2.3"\n'
  const changelog =
    '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-01\n\n### Added\n\n* All.\n\n## [1.2.2]\n\n* Old.\n'
  assert.deepEqual(unready({ manifest, cargo, changelog }, 'v1.2.3'), [])
  assert.equal(notesOf(changelog, '1.2.3'), '### Added\n\n* All.')
  assert.match(unready({ manifest, cargo, changelog }, 'v1.2.4').join(), /the tag is v1\.2\.4/)
  assert.match(
    unready({ manifest: { version: '1.2.3' }, cargo, changelog }, 'v1.2.3').join(),
    /no "repository".*no "author"/,
  )
  assert.match(unready({ manifest, cargo, changelog: '## [Unreleased]' }, 'v1.2.3').join(), /no section \[1\.2\.3\]/)
})

test('a tag is looked at, and a tarball tried, without a package of the development', () => {
  const checkout = join(folder, 'checkout')
  for (const path of ['scripts', 'package.json', 'Cargo.toml', 'CHANGELOG.md', 'README.md'])
    cpSync(join(root, path), join(checkout, path), { recursive: true })
  const ran = (...args) =>
    spawnSync(process.execPath, ['scripts/release.mjs', ...args], { cwd: checkout, encoding: 'utf8' })
  assert.match(ran('ready', 'v0').stderr, /^warren: not ready\n {2}the tag is v0/)
  assert.match(ran('try', 'nothing.tgz').stderr, /npm.*install/)
})

test('a rehearsal has a version of its own, which cannot be released', () => {
  const version = rehearsalVersion('1.2.3', new Date('2026-01-02T03:04:05.678Z'))
  assert.equal(version, '1.2.3-rehearsal.20260102030405')
  assert.equal(rehearsalVersion('2.0.0-beta.1', new Date(0)), '2.0.0-rehearsal.19700101000000')
  const manifest = { version, repository: 'r', bugs: 'b', homepage: 'h', author: 'a' }
  const cargo = `[workspace.package]\nversion = "${version}"\n`
  const changelog = `## [${version}]\n\n* All.\n`
  assert.deepEqual(unready({ manifest, cargo, changelog }, `v${version}`), [`${version} is the version of a rehearsal`])
})

test('what a rehearsal left running under Wine is ended, and that of nobody else', onLinux, () => {
  const wine = join(folder, 'wine')
  const programs = join(wine, 'bookworm-amd64/root/usr/lib/wine')
  mkdirSync(programs, { recursive: true })
  const script = `#!/bin/sh\nprintf '%s' "$WINEPREFIX $*" > '${wine}/called'\nexit 1\n`
  writeFileSync(join(programs, 'wineserver'), script, { mode: 0o755 })
  endWine(wine)
  assert.equal(readFileSync(join(wine, 'called'), 'utf8'), `${wine}/prefix -k`)
})

test('a process that is killed because it stands says where it stood', onLinux, async () => {
  const options = { quiet: true, limit: 1, late: standing }
  const { code, output } = await run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], options)
  assert.equal(code, 124)
  assert.match(output, /has not ended within 1 s\n\d+: [\d.]+ s of processor time: .*\n {2}\S+: \w, /)
})

test('where a process stands is told with those that it started', onLinux, async () => {
  const shell = spawn('sh', ['-c', 'sleep 1000 & echo begun; wait'], { detached: true })
  try {
    await once(shell.stdout, 'data')
    assert.match(standing(shell.pid), /^\d+: .* sh -c .*\n {2}sh: \w, \S+\n\d+: .*\n {2}\S+: \w, \S+$/)
  } finally {
    process.kill(-shell.pid, 'SIGKILL')
  }
  await once(shell, 'exit')
  assert.equal(standing(shell.pid), '')
})

function altered(from, to) {
  return Buffer.from(own.toString('latin1').replaceAll(from, to), 'latin1')
}

function complaints(name, bytes) {
  const file = join(folder, 'warren.node')
  writeFileSync(file, bytes)
  return verify(name, file)
}
