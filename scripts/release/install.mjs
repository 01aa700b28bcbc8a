import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { root } from '../build/root.mjs'
import { codeBlocks } from '../lint/markdown.mjs'
import { call, npm } from './tools.mjs'

/** An empty project of a user's, outside of every other one, with the README's first program in it; `registry` is npm's own where undefined. */
export function emptyProject(registry) {
  const folder = mkdtempSync(join(tmpdir(), 'warren-user-'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', version: '1.0.0', private: true }))
  if (registry !== undefined) writeFileSync(join(folder, '.npmrc'), `registry=${registry}\n`)
  writeFileSync(join(folder, 'first.mjs'), firstProgram().code)
  return folder
}

/** Installs a tarball into an empty project and runs the README's first program there. */
export function tryTarball(tarball) {
  const folder = emptyProject(undefined)
  try {
    npm(['install', '--offline', '--no-audit', '--no-fund', resolve(tarball)], { cwd: folder })
    runFirstProgram(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Runs the README's first program in a project, and compares what it prints with what the README says; with `isIPv6` between
 * addresses of that kind.
 */
export function runFirstProgram(folder, [command, ...args] = [process.execPath], { isIPv6 = false } = {}) {
  const { code, output } = firstProgram()
  const file = isIPv6 ? 'first-ipv6.mjs' : 'first.mjs'
  if (isIPv6) writeFileSync(join(folder, file), code.replaceAll("'127.0.0.1'", "'::1'"))
  const printed = call(command, [...args, file], { cwd: folder, limit: 600 })
  if (printed !== output) throw new BuildError(`${file} prints\n${printed}and the README says\n${output}`)
}

/** What a user without a program tries: a key pair, and one process that pings another. */
export async function runCommandLine(folder) {
  const warren = ['node_modules/warren/dist/cli/main.js']
  const key = call(process.execPath, [...warren, 'genkey'], { cwd: folder })
  const publicKey = call('npx', ['--no', 'warren', 'pubkey'], { cwd: folder, input: key })
  if (!/^[A-Za-z0-9+/]{43}=\n$/.test(publicKey)) throw new BuildError(`warren pubkey prints ${publicKey}`)
  const pong = spawn(process.execPath, [...warren, 'pong', '--listen', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const [line] = await once(pong.stdout, 'data')
    const [, peer, port] = /ping (\S+)@\S+:(\d+)/.exec(line) ?? []
    const printed = call(
      'npx',
      ['--no', 'warren', 'ping', `${peer}@127.0.0.1:${port}`, '--count', '2', '--interval', '5000'],
      {
        cwd: folder,
        limit: 60,
      },
    )
    if (!printed.includes('2 of 2 answered')) throw new BuildError(`warren ping prints ${printed}`)
  } finally {
    pong.kill()
  }
}

function firstProgram() {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf('\n## Use\n'))
  return { code: codeBlocks(section, 'js')[0], output: codeBlocks(section, 'text')[0] }
}
