// Configuration files that are almost right: written from a model, then damaged, all from a seed.

import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { type ParsedConfig, parseConfig } from '../../lib/config.js'
import { PrivateKey } from '../../lib/keys.js'
import { Generator } from './generator.js'

const ROUNDS = 3_000
/** `WARREN_SEED=… npx jest config-fuzz` repeats a run. */
const SEED = Number(process.env.WARREN_SEED ?? 0x7772)

describe('parseConfig', () => {
  it('reads every file that is written by the rules, as it was meant', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { text, meant } = write(new Generator(SEED + round))
      try {
        expect(plain(parseConfig(text))).toEqual(meant)
      } catch (error) {
        throw new Error(`seed ${SEED + round}:\n${redacted(text)}`, { cause: error })
      }
    }
  })

  it('reads a damaged file, or refuses it in words that name a line and no key', () => {
    const kinds = { read: 0, refused: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      const generator = new Generator(SEED + round)
      const { text, secrets } = write(generator)
      const damaged = damage(generator, text)
      const outcome = attempt(damaged)
      if (!(outcome instanceof Error)) {
        kinds.read++
        checkShape(outcome)
        continue
      }
      kinds.refused++
      const told = { seed: SEED + round, ...outcome, message: outcome.message }
      expect(told).toMatchObject({ code: 'ERR_WARREN_INVALID_CONFIG' })
      expect(told.message).toMatch(/^The configuration(, line \d+)?: ./)
      expect(Number(/line (\d+)/.exec(told.message)?.[1] ?? 1)).toBeLessThanOrEqual(damaged.split('\n').length)
      for (const secret of secrets) {
        expect(inspect(outcome)).not.toContain(secret.slice(0, 43))
        expect(inspect(outcome)).not.toContain(secret.slice(-43))
      }
    }
    expect(kinds.read).toBeGreaterThan(ROUNDS / 20)
    expect(kinds.refused).toBeGreaterThan(ROUNDS / 20)
  })

  it('takes any text at all without a fault of its own', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const generator = new Generator(SEED + round)
      const outcome = attempt(Array.from({ length: generator.below(60) }, () => generator.of(SCRAPS)).join(''))
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_WARREN_INVALID_CONFIG' })
    }
  })

  it('takes time in proportion to the length of the text', () => {
    const began = process.cpuUsage()
    for (const scrap of [...SCRAPS, 'PublicKey', '=', '[Interface]\n', 'AllowedIPs = 1.1.1.1,', '\n[Peer]']) {
      attempt(`[Interface]\n${scrap.repeat(200_000 / scrap.length)}`)
    }
    // Of this process, so that others do not stretch it; in proportion to the square it would be minutes.
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(20_000)
  })
})

interface Written {
  readonly text: string
  readonly secrets: readonly string[]
  readonly meant: unknown
}

const KEYS = Array.from({ length: 8 }, (_, n) => PrivateKey.from(createHash('sha256').update(`key ${n}`).digest()))
const SCRAPS = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '[',
  ']',
  '=',
  '#',
  ',',
  '/',
  ':',
  'Peer',
  'Interface',
  '[Peer]',
  'MTU',
  '0',
  'é',
  '\0',
]
const PREFIXES = ['10.0.0.0/8', '192.0.2.1/32', 'fd00::/8', '::/0', '2001:db8::1/128']
const ENDPOINTS = ['192.0.2.1:51820', '[2001:db8::1]:1', 'node.example.org:65535']

function write(generator: Generator): Written {
  const own = generator.of(KEYS)
  const secrets = [own.export()]
  const lines = [generator.of(['[Interface]', '[interface]', ' [INTERFACE] # it'])]
  const device = { publicKey: own.publicKey, listen: optional(generator, 65_536), mtu: optional(generator, 65_536) }
  const addresses = several(generator, PREFIXES)
  const entries: [string, string | number | undefined][] = [
    ['PrivateKey', own.export()],
    ['ListenPort', device.listen],
    ['MTU', device.mtu],
    ...addresses.map((address): [string, string] => ['Address', address]),
  ]
  lines.push(...entries.flatMap(([name, value]) => line(generator, name, value)))
  const peers = Array.from({ length: generator.below(4) }, () => {
    const shared = generator.flag()
      ? createHash('sha256')
          .update(`${generator.below(256)}`)
          .digest()
      : undefined
    if (shared !== undefined) secrets.push(shared.toString('base64'))
    const peer = {
      publicKey: generator.of(KEYS).publicKey,
      presharedKey: shared?.toString('base64'),
      endpoint: generator.flag() ? generator.of(ENDPOINTS) : undefined,
      persistentKeepalive: optional(generator, 65_536),
      allowedIPs: several(generator, PREFIXES),
    }
    lines.push('[Peer]', ...line(generator, 'PublicKey', peer.publicKey))
    lines.push(...line(generator, 'PresharedKey', peer.presharedKey), ...line(generator, 'Endpoint', peer.endpoint))
    lines.push(...line(generator, 'PersistentKeepalive', peer.persistentKeepalive))
    lines.push(...line(generator, 'AllowedIPs', peer.allowedIPs.join(generator.of([',', ', ', ' ,, ']))))
    return peer
  })
  return { text: lines.join(generator.of(['\n', '\r\n', '\n\n'])), secrets, meant: { ...device, addresses, peers } }
}

function line(generator: Generator, name: string, value: string | number | undefined): string[] {
  if (value === undefined) return []
  const cased = generator.of([name, name.toLowerCase(), name.toUpperCase()])
  return [
    `${generator.of(['', ' ', '\t'])}${cased}${generator.of(['=', ' = ', ' ='])}${value}${generator.of(['', ' # why', ' '])}`,
  ]
}

function damage(generator: Generator, text: string): string {
  let damaged = text
  for (let times = 1 + generator.below(3); times > 0; times--) {
    const place = generator.below(damaged.length + 1)
    const lines = damaged.split('\n')
    const at = generator.below(lines.length)
    switch (generator.below(6)) {
      case 0:
        damaged = damaged.slice(0, place) + generator.of(SCRAPS) + damaged.slice(place)
        break
      case 1:
        damaged = damaged.slice(0, place) + damaged.slice(place + 1 + generator.below(5))
        break
      case 2:
        damaged = damaged.slice(0, place)
        break
      case 3:
        damaged = lines.filter((_, index) => index !== at).join('\n')
        break
      case 4:
        damaged = [...lines, lines[at]].join('\n')
        break
      default:
        damaged = lines.map((whole, index) => (index === at ? swapped(generator, whole, lines) : whole)).join('\n')
    }
  }
  return damaged
}

/** A line with the value of another one: a key where an address belongs. */
function swapped(generator: Generator, whole: string, lines: readonly string[]): string {
  const value = /=(.*)/.exec(generator.of(lines))?.[1] ?? ''
  return whole.replace(/=.*/, () => `=${value}`)
}

function attempt(text: string): ParsedConfig | Error {
  try {
    return parseConfig(text)
  } catch (error) {
    return error as Error
  }
}

/** What is there is what the types say. */
function checkShape(config: ParsedConfig): void {
  const { publicKey, listen, mtu, peers } = plain(config)
  for (const port of [listen, mtu, ...peers.map((peer) => peer.persistentKeepalive)]) {
    if (port !== undefined) expect(Number.isInteger(port) && port >= 0 && port <= 65_535).toBe(true)
  }
  for (const key of [publicKey, ...peers.map((peer) => peer.publicKey)]) {
    expect(Buffer.from(String(key), 'base64')).toHaveLength(32)
  }
}

function plain({ device, peers }: ParsedConfig) {
  const { mtu, addresses, privateKey } = device
  const listen = device.listen as number | undefined
  const { publicKey } = privateKey as PrivateKey
  const shown = peers.map(({ presharedKey, ...peer }) => {
    return { ...peer, presharedKey: presharedKey && Buffer.from(presharedKey as Uint8Array).toString('base64') }
  })
  return { publicKey, listen, mtu, addresses, peers: shown }
}

function redacted(text: string): string {
  return text.replace(/^(.*(?:PrivateKey|PresharedKey).*=).*$/gim, '$1 …')
}

function optional(generator: Generator, end: number): number | undefined {
  return generator.flag() ? generator.below(end) : undefined
}

function several<T>(generator: Generator, choices: readonly T[]): T[] {
  return Array.from({ length: generator.below(4) }, () => generator.of(choices))
}
