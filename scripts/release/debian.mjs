import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { filesUnder } from '../build/fingerprint.mjs'
import { call } from './tools.mjs'

/**
 * Unpacks packages of a Debian release, for any processor, into a folder of their own; nothing is installed. apt gets them from
 * this machine's mirror, with lists beside those of the system. Gives the folder that is their root.
 */
export function unpackDebian(folder, { release, arch, packages }) {
  const apt = join(folder, `${release}-${arch}`)
  rmSync(apt, { recursive: true, force: true })
  for (const path of ['lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(apt, path), { recursive: true })
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${KEYS} arch=${arch}] ${mirror()} ${release} main\n`)
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${apt}/lists`,
    `Dir::Cache=${apt}/cache`,
    `APT::Architecture=${arch}`,
    // Or the versions that are installed here would be wanted.
    'Dir::State::status=/dev/null',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  call('apt-get', [...options, '-q', 'update'])
  call('apt-get', [...options, '-q', 'download', ...packages], { cwd: apt })
  const archives = readdirSync(apt).filter((name) => name.endsWith('.deb'))
  for (const archive of archives) call('dpkg', ['-x', join(apt, archive), join(apt, 'root')])
  return join(apt, 'root')
}

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'

function mirror() {
  const lists = filesUnder('/etc/apt').filter((path) => /\.(list|sources)$/.test(path))
  const lines = lists.flatMap((path) => readFileSync(path, 'utf8').match(/^(?:URIs:|deb ).*$/gm) ?? [])
  const url = lines.flatMap((line) => /https?:\S+\/debian\/?(?=\s|$)/.exec(line) ?? [])[0]
  if (url === undefined)
    throw new BuildError('no mirror of Debian is in /etc/apt: other C libraries cannot be had here')
  return url
}
