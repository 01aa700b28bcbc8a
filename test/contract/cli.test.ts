import { chmod, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { PrivateKey } from 'warren'
import { run } from '../../lib/cli/run.js'
import type { Terminal } from '../../lib/cli/terminal.js'
import { until } from './network.js'

/** What a command saw and said. */
class TestTerminal {
  readonly env: Record<string, string>
  out = ''
  err = ''
  interrupt: (() => void) | undefined
  readonly #input: string
  readonly stdout: Terminal['stdout']
  readonly stderr = { write: (text: string) => (this.err += text) }

  constructor(input = '', env: Record<string, string> = {}, fd?: number) {
    this.#input = input
    this.stdout = { write: (text) => (this.out += text), fd }
    this.env = env
  }

  get stdin(): AsyncIterable<string> {
    const input = this.#input
    return (async function* () {
      yield input
    })()
  }

  once(_: string, listener: () => void): void {
    this.interrupt = listener
  }

  off(): void {}
}

describe('the command line', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'warren-cli-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('makes keys, and public keys of them', async () => {
    const made = new TestTerminal()
    expect(await run(['genkey'], made)).toBe(0)
    expect(made.out).toMatch(/^[A-Za-z0-9+/]{43}=\n$/)
    const derived = new TestTerminal(made.out)
    expect(await run(['pubkey'], derived)).toBe(0)
    expect(derived.out).toBe(`${PrivateKey.from(made.out.trim()).publicKey}\n`)
  })

  it('says where others may read a key: the file that it goes to, and the one that it comes from', async () => {
    for (const [mode, warned] of [
      [0o600, false],
      [0o640, true],
      [0o604, true],
    ] as const) {
      const path = join(directory, 'key')
      await writeFile(path, PrivateKey.generate().export())
      await chmod(path, mode)
      const file = await open(path)
      const making = new TestTerminal('', {}, file.fd)
      expect(await run(['genkey'], making)).toBe(0)
      await file.close()
      expect(making.err.includes('others may read')).toBe(warned)
      const using = new TestTerminal()
      await run(['ping', 'nobody@127.0.0.1:1', '--key-file', path], using)
      expect(using.err.includes(`others may read the key in ${path}`)).toBe(warned)
    }
  })

  it('pings a pong', async () => {
    const key = PrivateKey.generate()
    await writeFile(join(directory, 'key'), `${key.export()}\n`)
    const far = new TestTerminal()
    const ponging = run(['pong', '--key-file', join(directory, 'key')], far)
    await until(() => far.out.includes('npx warren ping'))
    const [, publicKey, port] = /ping (\S+)@\S+:(\d+)/.exec(far.out) ?? []
    expect(publicKey).toBe(key.publicKey)
    const own = PrivateKey.generate()
    const near = new TestTerminal('', { WARREN_PRIVATE_KEY: own.export() })
    const target = `${publicKey}@127.0.0.1:${port}`
    expect(await run(['ping', target, '--count', '2', '--interval', '2000', '--size', '100'], near)).toBe(0)
    expect(near.out).toContain(`this node is ${own.publicKey}\n`)
    expect(near.out).toMatch(/connected to 127\.0\.0\.1:\d+ in [\d.]+ ms, with a handshake of [\d.]+ ms\n/)
    expect(near.out).toMatch(/1: 100 bytes in [\d.]+ ms\n2: 100 bytes in [\d.]+ ms\n2 of 2 answered; least /)
    far.interrupt?.()
    expect(await ponging).toBe(0)
    expect(far.out).toContain(`${own.publicKey} is up`)
    for (const { out, err } of [near, far]) {
      for (const secret of [own.export(), key.export()]) expect(out + err).not.toContain(secret)
    }
  })

  it('is let in only where it is allowed', async () => {
    const far = new TestTerminal()
    const ponging = run(['pong', '--allow', PrivateKey.generate().publicKey], far)
    await until(() => far.out.includes('npx warren ping'))
    const [, publicKey, port] = /ping (\S+)@\S+:(\d+)/.exec(far.out) ?? []
    const near = new TestTerminal()
    expect(await run(['ping', `${publicKey}@127.0.0.1:${port}`, '--timeout', '300'], near)).toBe(1)
    expect(near.err).toMatch(/^warren: No WireGuard handshake response.* \[ERR_WARREN_NO_HANDSHAKE\]\n$/)
    far.interrupt?.()
    await ponging
    expect(far.out).toContain('was not let in')
  })

  it.each<[string, string[], number, RegExp]>([
    ['help', ['--help'], 0, /^$/],
    ['no command', [], 0, /^$/],
    ['an unknown command', ['pong-pong'], 2, /there is no command 'pong-pong'\nUsage:/],
    ['an unknown option', ['ping', '--cuont', '5'], 2, /--cuont[\s\S]*Usage:/],
    ['no target', ['ping'], 2, /needs one <public key>@<host:port>\nUsage:/],
    ['a count that is none', ['ping', 'a@b', '--count', 'x'], 2, /--count must be a whole number from 1; got 'x'/],
    ['a port that is none', ['pong', '--listen', 'x'], 2, /--listen must be a port; got 'x'/],
    ['a key that is none', ['ping', 'nobody@127.0.0.1:1'], 1, /\[ERR_WARREN_INVALID_KEY\]\n$/],
    ['a key file that is not there', ['pong', '--key-file', '/nowhere/key'], 1, /\[ENOENT\]\n$/],
  ])('answers to %s', async (_, argv, status, message) => {
    const terminal = new TestTerminal()
    expect(await run(argv, terminal)).toBe(status)
    expect(terminal.err).toMatch(message)
    if (message.source === '^$') expect(terminal.out).toMatch(/^Usage:/)
  })
})
