import { chmod, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { Device, PrivateKey } from 'warren'
import { MOST_BYTES } from '../../lib/cli/ping.js'
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

function factsOf({ out }: TestTerminal): Record<string, unknown>[] {
  const lines = out.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line))
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

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(__dirname, '../../package.json'), 'utf8'))
    for (const option of ['--version', '-v']) {
      const terminal = new TestTerminal()
      expect(await run([option], terminal)).toBe(0)
      expect(terminal.out).toBe(`${version}\n`)
    }
  })

  it('says where others may read a key: the file that it goes to, and the one that it comes from', async () => {
    // Windows has lists of who may, which the mode of a file says nothing of.
    const tells = process.platform !== 'win32'
    for (const [mode, warned] of [
      [0o600, false],
      [0o640, tells],
      [0o604, tells],
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
      await run(['ping', `${PrivateKey.generate().publicKey}@127.0.0.1:1`, '--timeout', '1', '--key-file', path], using)
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
    // Ends with the answer, however late that is.
    expect(await run(['ping', target, '--count', '1', '--interval', '10000', '--size', '100'], near)).toBe(0)
    expect(near.out).toContain(`this node is ${own.publicKey}\n`)
    expect(near.out).toMatch(/connected to 127\.0\.0\.1:\d+ in [\d.]+ ms, with a handshake of [\d.]+ ms\n/)
    expect(near.out).toMatch(/\n1: 100 bytes in [\d.]+ ms\n1 of 1 answered; least /)
    const again = new TestTerminal()
    const status = await run(['ping', target, '--count', '3', '--interval', '20'], again)
    expect(again.out).toMatch(/\n1: .*\n2: .*\n3: .*\n\d of 3 answered/)
    expect(status).toBe(again.out.includes('\n0 of 3') ? 1 : 0)
    far.interrupt?.()
    expect(await ponging).toBe(0)
    expect(far.out).toContain(`${own.publicKey} is up`)
    for (const { out, err } of [near, far]) {
      for (const secret of [own.export(), key.export()]) expect(out + err).not.toContain(secret)
    }
  })

  it('takes options before the command as well', async () => {
    const made = new TestTerminal()
    expect(await run(['--json', 'genkey'], made)).toBe(0)
    const { privateKey, publicKey } = JSON.parse(made.out)
    expect(PrivateKey.from(privateKey).publicKey).toBe(publicKey)
    const target = `${publicKey}@127.0.0.1:1`
    const failed = new TestTerminal()
    expect(await run(['--json', '--timeout', '50', 'ping', target], failed)).toBe(1)
    expect(factsOf(failed).at(-1)).toMatchObject({ type: 'failed', code: 'ERR_WARREN_NO_HANDSHAKE' })
  })

  it('has pings as large as a datagram can be, and no larger', async () => {
    const key = PrivateKey.generate()
    await using far = await Device.open({ privateKey: key, listen: { host: '127.0.0.1' }, authorize: () => true })
    const path = { listen: { host: '127.0.0.1' }, mtu: 1_420 }
    await using near = await Device.open({ privateKey: PrivateKey.generate(), ...path })
    const connection = await near.addPeer({ publicKey: far.publicKey, endpoint: far.address }).connect()
    await until(() => connection.maxDatagramSize === MOST_BYTES)
    const terminal = new TestTerminal()
    const argv = ['ping', `${key.publicKey}@127.0.0.1:1`, '--size', String(MOST_BYTES + 1)]
    expect(await run(argv, terminal)).toBe(2)
    expect(terminal.err).toMatch(/^warren: --size must be a whole number from 4 to 1342; got '1343'\n/)
    expect(terminal.out).toBe('')
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

  it('tells programs in lines of JSON', async () => {
    const made = new TestTerminal()
    expect(await run(['genkey', '--json'], made)).toBe(0)
    const { privateKey, publicKey } = JSON.parse(made.out)
    const derived = new TestTerminal(privateKey)
    expect(await run(['pubkey', '--json'], derived)).toBe(0)
    expect(JSON.parse(derived.out)).toEqual({ publicKey })

    const far = new TestTerminal('', { WARREN_PRIVATE_KEY: privateKey })
    const ponging = run(['pong', '--json'], far)
    await until(() => far.out.includes('\n'))
    const [listening] = factsOf(far)
    expect(listening).toEqual({ type: 'listening', publicKey, port: expect.any(Number) })
    const near = new TestTerminal()
    const target = `${publicKey}@127.0.0.1:${listening?.port}`
    expect(await run(['ping', target, '--count', '1', '--interval', '10000', '--json'], near)).toBe(0)
    const time = expect.any(Number)
    expect(factsOf(near)).toEqual([
      { type: 'node', publicKey: expect.stringMatching(/=$/) },
      { type: 'connected', publicKey, endpoint: `127.0.0.1:${listening?.port}`, connectMs: time, handshakeMs: time },
      { type: 'answer', sequence: 1, bytes: 56, ms: time },
      { type: 'summary', sent: 1, answered: 1, leastMs: time, averageMs: time, mostMs: time },
    ])
    far.interrupt?.()
    expect(await ponging).toBe(0)
    expect(factsOf(far)[1]).toMatchObject({ type: 'up', publicKey: factsOf(near)[0]?.publicKey })
    expect(near.out + near.err + far.out + far.err).not.toContain(privateKey)
  })

  it('tells programs why it failed, and people too', async () => {
    const terminal = new TestTerminal()
    const target = `${PrivateKey.generate().publicKey}@127.0.0.1:1`
    expect(await run(['ping', target, '--timeout', '50', '--json'], terminal)).toBe(1)
    const message = expect.stringMatching(/^No WireGuard handshake response/)
    expect(factsOf(terminal).at(-1)).toEqual({ type: 'failed', code: 'ERR_WARREN_NO_HANDSHAKE', message })
    expect(terminal.err).toMatch(/^warren: No WireGuard handshake response/)
  })

  it('does not repeat a private key that stands where a public one should', async () => {
    const secret = PrivateKey.generate().export().slice(1)
    for (const argv of [
      ['ping', `${secret}@127.0.0.1:1`],
      ['pong', '--allow', secret],
    ]) {
      const terminal = new TestTerminal()
      expect(await run(argv, terminal)).toBe(2)
      expect(terminal.err).toMatch(/must be a public key, 44 characters of base64; got 43 characters/)
      expect(terminal.out + terminal.err).not.toContain(secret)
    }
  })

  const key = PrivateKey.generate().publicKey
  it.each<[string, string[], number, RegExp]>([
    ['help', ['--help'], 0, /^$/],
    ['no command', [], 0, /^$/],
    ['help with a command', ['ping', '--help'], 0, /^$/],
    ['an unknown command', ['pong-pong'], 2, /there is no command 'pong-pong'\nUsage:/],
    ['options alone', ['--json'], 2, /there is no command '--json'\nUsage:/],
    ['an unknown option', ['ping', '--cuont', '5'], 2, /--cuont[\s\S]*Usage:/],
    ['no target', ['ping'], 2, /needs one <public key>@<host:port>\nUsage:/],
    ['two targets', ['ping', `${key}@a:1`, `${key}@b:1`], 2, /needs one <public key>@<host:port>\nUsage:/],
    ['an address without a port', ['ping', `${key}@203.0.113.5`], 2, /the address 203\.0\.113\.5 has no port; write/],
    ['a name without a port', ['ping', `${key}@a.example`], 2, /the address a\.example has no port; write/],
    ['IPv6 without a port', ['ping', `${key}@[2001:db8::1]`], 2, /the address \[2001:db8::1\] has no port; write/],
    ['IPv6 without brackets', ['ping', `${key}@2001:db8::1`], 2, /stands in brackets before its port: \[2001:db8::1\]/],
    ['a port past the last', ['ping', `${key}@a:65536`], 2, /with a port from 1 to 65535\nUsage:/],
    ['no address', ['ping', `${key}@`], 2, /'' is not <host:port>/],
    ['a host that no name is', ['ping', `${key}@a_b!:1`], 2, /endpoint[\s\S]*\nUsage:/],
    ['a count that is none', ['ping', `${key}@b:1`, '--count', 'x'], 2, /--count must be a whole number .*; got 'x'/],
    ['a time that no timer takes', ['ping', `${key}@b:1`, '--interval', '9876543210'], 2, /--interval must be a whole/],
    ['a port that is none', ['pong', '--listen', 'x'], 2, /--listen must be a port, 0 to 65535; got 'x'/],
    ['a port that is too high', ['pong', '--listen', '70000'], 2, /--listen must be a port, 0 to 65535; got '70000'/],
    ['a key that is none', ['ping', 'nobody@127.0.0.1:1'], 2, /the key before the @ must be a public key/],
    ['an argument too many', ['genkey', 'mine'], 2, /mine[\s\S]*Usage:/],
    ['an input that is no key', ['pubkey'], 1, /\[ERR_WARREN_INVALID_KEY\]\n$/],
    ['a key file that is not there', ['pong', '--key-file', '/nowhere/key'], 1, /\[ENOENT\]\n$/],
  ])('answers to %s', async (_, argv, status, message) => {
    const terminal = new TestTerminal()
    expect(await run(argv, terminal)).toBe(status)
    expect(terminal.err).toMatch(message)
    if (message.source === '^$') expect(terminal.out).toMatch(/^Usage:/)
  })
})
