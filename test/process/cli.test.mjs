// The command line as its users start it: a program of the built package, with a status.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const started = []

after(() => {
  for (const child of started) child.kill('SIGKILL')
})

test('--version is the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.deepEqual(run(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
})

test('the status is 2 for a command line that is not understood, and what is wrong goes to stderr', () => {
  const { publicKey } = JSON.parse(run(['genkey', '--json']).stdout)
  for (const [argv, what] of [
    [['ping', `${publicKey}@203.0.113.5`], /^warren: the address 203\.0\.113\.5 has no port; write/],
    [['ping', '--cuont', '5'], /--cuont/],
    [['genkeys'], /no command 'genkeys'/],
  ]) {
    const { status, stdout, stderr } = run(argv)
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, what)
  }
})

test('a key goes from one command to the next, for people and for programs', () => {
  const { stdout: key } = run(['genkey'])
  const { stdout: publicKey } = run(['pubkey'], key)
  assert.deepEqual(JSON.parse(run(['pubkey', '--json'], key).stdout), { publicKey: publicKey.trim() })
})

test('a program pings a pong, reads both, and the pong ends with status 0 at SIGTERM', async () => {
  const pong = spawn(process.execPath, [main, 'pong', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(pong)
  const [line] = await once(createInterface(pong.stdout), 'line')
  const { publicKey, port } = JSON.parse(line)
  const target = `${publicKey}@127.0.0.1:${port}`
  const { status, stdout } = run(['ping', target, '--count', '1', '--interval', '10000', '--json'])
  assert.equal(status, 0)
  const facts = stdout.trim().split('\n').map(JSON.parse)
  assert.deepEqual(
    facts.map(({ type }) => type),
    ['node', 'connected', 'answer', 'summary'],
  )
  pong.kill('SIGTERM')
  assert.deepEqual(await once(pong, 'exit'), [0, null])
})

test('a reader that leaves ends a command in silence, with status 0', async () => {
  const { privateKey } = JSON.parse(run(['genkey', '--json']).stdout)
  const pubkey = await unread(['pubkey'])
  pubkey.stdin.end(privateKey)
  assert.deepEqual(await ending(pubkey), { status: 0, stderr: '' })

  const pong = spawn(process.execPath, [main, 'pong', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(pong)
  const [line] = await once(createInterface(pong.stdout), 'line')
  const { publicKey, port } = JSON.parse(line)
  const isOver = ending(pong)
  await stopReading(pong)
  // It tells of the tunnel, to nobody.
  const pinging = ['ping', `${publicKey}@127.0.0.1:${port}`, '--timeout', '600000']
  started.push(spawn(process.execPath, [main, ...pinging], { stdio: 'ignore' }))
  assert.deepEqual(await isOver, { status: 0, stderr: '' })
})

test('an output that is full is said in one line, with status 1', { skip: !existsSync('/dev/full') }, () => {
  const full = openSync('/dev/full', 'w')
  after(() => closeSync(full))
  for (const argv of [['genkey'], ['genkey', '--json'], ['pong'], ['--version']]) {
    const options = { stdio: ['ignore', full, 'pipe'], encoding: 'utf8', timeout: 60_000 }
    const { status, stderr } = spawnSync(process.execPath, [main, ...argv], options)
    assert.deepEqual(
      { status, stderr },
      { status: 1, stderr: 'warren: ENOSPC: no space left on device, write [ENOSPC]\n' },
    )
  }
})

test('keys that are made as the pages say are readable by their user alone', {
  skip: process.platform === 'win32',
}, () => {
  for (const page of ['README.md', 'docs/api.md', 'examples/deploy/README.md']) {
    const lines = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8').split('\n')
    const making = lines.filter((line) => /warren genkey\b.*private\.key/.test(line))
    assert.equal(making.length, 1, page)
    const cwd = mkdtempSync(join(tmpdir(), 'warren-key-'))
    after(() => rmSync(cwd, { recursive: true }))
    const script = `umask 022; ${making[0].replaceAll('npx warren', '"$NODE" "$MAIN"')}`
    const env = { ...process.env, NODE: process.execPath, MAIN: main }
    const { status, stderr } = spawnSync('sh', ['-c', script], { cwd, env, encoding: 'utf8' })
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, page)
    assert.equal(statSync(join(cwd, 'private.key')).mode & 0o777, 0o600, page)
  }
})

/** A command whose output nobody reads any more, before it says a word: it waits for its input. */
async function unread(argv) {
  const child = spawn(process.execPath, [main, ...argv], { stdio: 'pipe' })
  started.push(child)
  await stopReading(child)
  return child
}

async function stopReading({ stdout }) {
  stdout.destroy()
  if (!stdout.closed) await once(stdout, 'close')
}

async function ending(child) {
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const [status] = await once(child, 'close')
  return { status, stderr }
}

function run(argv, input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}
