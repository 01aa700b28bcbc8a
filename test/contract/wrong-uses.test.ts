import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import { addressOf, Device, PrivateKey, parseConfig, parsePublicKey, setAddonPath } from 'warren'
import { type Connected, eachDriver } from './network.js'

/** A wrong use, and what its error says: what is meant, what it must be, what came. */
type Use = readonly [what: string, use: (scope: Connected & { readonly key: string }) => unknown, says: RegExp]

const secret = PrivateKey.generate()
const text = `[Interface]\nPrivateKey = ${secret.export()}\n`
const wrong = <T>(value: unknown): T => value as T

const GONE = /^bytes must be in memory that is there; got a Uint8Array whose memory was transferred or resized before$/
const noop = (): void => {}

const OPENING: readonly Use[] = [
  ['a device by new', () => Reflect.construct(Device, []), /^A Device is not made by new: take await Device\.open/],
  ['a device without options', () => Device.open(wrong(undefined)), /^options must be an object with .*privateKey/],
  ['a device of a key', () => Device.open(wrong(secret.export())), /^options must be an object .*; got a string of 44/],
  ['no key', () => Device.open(wrong({})), /^options\.privateKey must be base64 or 32 bytes; got undefined$/],
  ['a key that is null', () => opened({ privateKey: null }), /^options\.privateKey must be .*; got null$/],
  ['a key of hexadecimal', () => opened({ privateKey: 'ab'.repeat(32) }), /options\.privateKey .*'hex'/],
  ['the bytes of a text', () => opened({ privateKey: Buffer.from(`${secret.export()}\n`) }), /got 45 bytes: .*'utf8'$/],
  [
    'a port as a text',
    () => opened({ listen: '51820' }),
    /^options\.listen must be a port, .*\{ host, port \}; got "51820"$/,
  ],
  ['listen on null', () => opened({ listen: null }), /^options\.listen must be a port, .*; got null$/],
  [
    'listen on a name',
    () => opened({ listen: { host: 'localhost' } }),
    /listen\.host must be an IP .*; got "localhost"$/,
  ],
  [
    'listen with a zone',
    () => opened({ listen: { host: 'fe80::1%lo' } }),
    /listen\.host must .* without .*zone.*"fe80::1%lo"$/,
  ],
  ['listen with brackets', () => opened({ listen: { host: '[::1]' } }), /listen\.host must .* without brackets/],
  [
    'one protocol',
    () => opened({ protocols: 'ledger/1' }),
    /^options\.protocols must be an array, or an object with offer, accept, prefer; got "ledger\/1"$/,
  ],
  ['authorize: true', () => opened({ authorize: true }), /^options\.authorize must be a function; got true$/],
  [
    'a duration with its unit',
    () => opened({ deadAfter: '15s' }),
    /deadAfter must be an integer .*milliseconds.*"15s"$/,
  ],
  [
    'a controller',
    () => opened({ signal: new AbortController() }),
    /must be an AbortSignal; got an instance of AbortC/,
  ],
  ['a key by new', () => Reflect.construct(PrivateKey, []), /^A PrivateKey is not made by new: take .*generate\(\)/],
  [
    'a configuration in bytes',
    () => parseConfig(wrong(Buffer.from(text))),
    /^source must be the text .*; got an instance of Buffer/,
  ],
  ['no configuration', () => parseConfig(wrong(undefined)), /^source must be the text .*; got undefined$/],
  [
    'a promise',
    () => parseConfig(wrong(Promise.resolve(text))),
    /^source must be the text .*; got an instance of Promise$/,
  ],
  [
    'a private key as public',
    () => parsePublicKey(wrong(secret)),
    /must be a public key; got a PrivateKey: take its publicKey$/,
  ],
  ['an address of nothing', () => addressOf('x'), /^The public key must be .*; got 1 characters$/],
  ['a relative addon', () => setAddonPath('./warren.node'), /^path must be an absolute path; got/],
]

const USING: readonly Use[] = [
  ['a peer of a key', ({ near, key }) => near.addPeer(wrong(key)), /^options must be an object .*; got a string of 44/],
  [
    'a peer without a key',
    ({ near }) => near.addPeer(wrong({ endpoint: 'a:1' })),
    /^options\.publicKey must be .*undefined$/,
  ],
  [
    'a peer of a private key',
    ({ near }) => near.addPeer({ publicKey: wrong(secret) }),
    /^options\.publicKey .*PrivateKey: take/,
  ],
  [
    'a peer of a short key',
    ({ near, key }) => near.addPeer({ publicKey: key.slice(1) }),
    /^options\.publicKey .*got 43 characters$/,
  ],
  [
    'a short secret',
    ({ near, key }) => near.addPeer({ publicKey: key, presharedKey: 'x' }),
    /^options\.presharedKey .*got 1 char/,
  ],
  [
    'an endpoint without port',
    ({ near, key }) => near.addPeer({ publicKey: key, endpoint: '203.0.113.5' }),
    /^options\.endpoint must be 'host:port'.*\{ host, port \}.*"203\.0\.113\.5"$/,
  ],
  [
    'an endpoint as a URL',
    ({ near, key }) => near.addPeer({ publicKey: key, endpoint: 'udp://a:1' }),
    /^options\.endpoint must be .*"udp:\/\/a:1"$/,
  ],
  [
    'another field of endpoint',
    ({ near, key }) => near.addPeer({ publicKey: key, endpoint: wrong({ address: 'a', port: 1 }) }),
    /^options\.endpoint\.address is not an option; there are host, port$/,
  ],
  [
    'one prefix',
    ({ near, key }) => near.addPeer({ publicKey: key, allowedIPs: wrong('10.0.0.0/8') }),
    /^options\.allowedIPs must be an array/,
  ],
  [
    'connect: yes',
    ({ near, key }) => near.addPeer({ publicKey: key, connect: wrong('yes') }),
    /^options\.connect must be true, false, or/,
  ],
  [
    'the same peer twice',
    ({ near, far }) => near.addPeer({ publicKey: far.publicKey }),
    /has a peer with this key already; use device\.peers\.get\(key\)\.update\(…\)$/,
  ],
  [
    'itself',
    ({ near }) => near.addPeer({ publicKey: near.publicKey }),
    /^The key is the device's own; a device cannot be its own peer$/,
  ],
  [
    'a point of low order',
    ({ near }) => near.addPeer({ publicKey: new Uint8Array(32) }),
    /point of low order, .*; check where it came from$/,
  ],
  [
    'another key',
    ({ peer, key }) => peer.update(wrong({ publicKey: key })),
    /^changes\.publicKey is not an option; there are endpoint,/,
  ],
  [
    'a timeout alone',
    ({ peer }) => peer.connect(wrong(5_000)),
    /^options must be an object with .*timeout.*; got 5000$/,
  ],
  [
    'no time',
    ({ peer }) => peer.connect({ timeout: 0 }),
    /^options\.timeout must be an integer from 1 .*milliseconds.*; got 0$/,
  ],
  [
    'an empty offer',
    ({ peer }) => peer.connect({ protocols: [] }),
    /^options\.protocols must be a list of one or more; got an array of 0$/,
  ],
  [
    'no protocol',
    ({ peer }) => peer.connect({ protocols: wrong('x') }),
    /^options\.protocols must be an array; got "x"$/,
  ],
  ['memory that is gone', ({ connection }) => connection.send(transferred()), GONE],
  ['memory that is too short by now', ({ connection }) => connection.send(shrunk()), GONE],
  ['memory that is gone, to all', ({ near }) => near.broadcast(transferred()), GONE],
  ['a datagram of memory that is gone', ({ connection }) => connection.sendDatagram(transferred()), GONE],
  [
    'a packet of memory that is gone',
    ({ peer }) => peer.sendPacket(transferred()),
    /^packet must be in memory that is/,
  ],
  [
    'a chunk of memory that is gone',
    ({ connection }) => errorOf(connection.openStream().on('error', noop), (stream) => stream.write(transferred())),
    /^chunk must not change before .*transferred/,
  ],
  [
    'a last chunk of memory that is gone',
    ({ connection }) =>
      errorOf(connection.openStream({ direction: 'out' }).on('error', noop), (stream) => stream.end(transferred())),
    /^chunk must not change before .*transferred/,
  ],
  ['a text', ({ connection }) => connection.send(wrong('vote')), /^bytes must be a Uint8Array; got "vote"$/],
  [
    'an object',
    ({ connection }) => connection.send(wrong({ vote: 1 })),
    /^bytes must be a Uint8Array; got an instance of Object$/,
  ],
  [
    'words',
    ({ connection }) => connection.send(wrong(new Uint16Array(1))),
    /^bytes must be .*; got an instance of Uint16Array$/,
  ],
  [
    'a priority alone',
    ({ connection }) => connection.send(new Uint8Array(1), wrong(200)),
    /^options must be an object with some of priority, .*; got 200$/,
  ],
  [
    'a callback',
    ({ connection }) =>
      connection.send(
        new Uint8Array(1),
        wrong(() => 0),
      ),
    /^options must be an object .*; got a function$/,
  ],
  [
    'a priority of its own',
    ({ connection }) => connection.send(new Uint8Array(1), { priority: 256 }),
    /^options\.priority must .*0 to 255; got 256$/,
  ],
  [
    'a life of nothing',
    ({ connection }) => connection.send(new Uint8Array(1), { lifetime: Number.NaN }),
    /^options\.lifetime must .*; got NaN$/,
  ],
  [
    'a text as a datagram',
    ({ connection }) => connection.sendDatagram(wrong('x')),
    /^bytes must be a Uint8Array; got "x"$/,
  ],
  [
    'a long datagram',
    ({ connection }) => connection.sendDatagram(new Uint8Array(70_000)),
    /at most \d+ bytes \(connection\.maxDatagramSize\); got 70000$/,
  ],
  [
    'no packet',
    ({ peer }) => peer.sendPacket(new Uint8Array(3)),
    /^packet must be an IPv4 or IPv6 packet with its header; got 3 bytes/,
  ],
  [
    'half a packet',
    ({ peer }) => peer.sendPacket(new Uint8Array(45).fill(0x60, 0, 1)),
    /^packet says that it is 40 bytes long; got 45$/,
  ],
  [
    'a stream inwards',
    ({ connection }) => connection.openStream({ direction: wrong('in') }),
    /^options\.direction must be 'both' or 'out'; got "in"$/,
  ],
  [
    'a stream by name',
    ({ connection }) => connection.openStream(wrong('x')),
    /^options must be an object with some of direction, .*; got "x"$/,
  ],
  [
    'a priority as a text',
    ({ connection }) => Object.assign(connection.openStream(), { priority: 'x' }),
    /^priority must be an integer from 0 to 255; got "x"$/,
  ],
  [
    'a time as a text',
    ({ connection }) => connection.openStream().setTimeout(wrong('5')),
    /^milliseconds must be an integer from 0 to \d+; got "5"$/,
  ],
  [
    'a filter that is a number',
    ({ connection }) => connection.messages(wrong(200)),
    /^filter must be an object with some of minPriority,/,
  ],
  [
    'a filter of nothing',
    ({ near }) => near.messages({ minPriority: 5, maxPriority: 4 }),
    /^filter\.minPriority must be at most filter\.maxPriority \(4\); got 5$/,
  ],
  [
    'a broadcast to a peer',
    ({ near, peer }) => near.broadcast(new Uint8Array(1), { to: wrong([peer]) }),
    /item of options\.to must be a connection of this device; got an instance of Peer$/,
  ],
  [
    'an error as a farewell',
    ({ connection }) => connection.destroy(wrong(new Error('bad vote'))),
    /^options must be an object with some of code, reason; got an instance of Error$/,
  ],
  [
    'an error as a close',
    ({ connection }) => connection.close(wrong(new TypeError('bad vote'))),
    /^options must be .*timeout; got an instance of TypeError$/,
  ],
  [
    'an error as a removal',
    ({ peer }) => peer.remove(wrong(new Error('bad vote'))),
    /^options must be .*; got an instance of Error$/,
  ],
  [
    'a reason that is an error',
    ({ connection }) => connection.close({ reason: wrong(new Error('x')) }),
    /^options\.reason must be a string; got an instance of Error$/,
  ],
  [
    'a code as a text',
    ({ near }) => near.close({ code: wrong('1') }),
    /^options\.code must be an integer from 0 to 4294967295; got "1"$/,
  ],
]

describe('wrong uses before there is a device', () => {
  it.each(OPENING)('%s', async (_, use, says) => {
    expectWrong(await thrownBy(() => use(wrong(undefined))), says)
  })
})

eachDriver('wrong uses', (network) => {
  it('name what is meant, what it must be and what came, and change nothing', async () => {
    const connected = await network.connected()
    const { connection, near, peer } = connected
    for (const [what, use, says] of USING) {
      const key = PrivateKey.generate().publicKey
      expectWrong(await thrownBy(() => use({ ...connected, key })), says, what)
      expect(near.peers.has(key)).toBe(false)
    }
    expect(connection.isOpen && near.connections.has(connection) && near.peers.has(peer.publicKey)).toBe(true)
  })

  it('null is no options, wherever they may be left out', async () => {
    const connected = await network.connected()
    const { near, peer, connection } = connected
    const bytes = new Uint8Array(1)
    const none = wrong<undefined>(null)
    const uses: readonly (readonly [string, () => unknown])[] = [
      ['options', () => connection.send(bytes, none)],
      ['options', () => connection.openStream(none)],
      ['filter', () => connection.messages(none)],
      ['options', () => connection.close(none)],
      ['options', () => connection.destroy(none)],
      ['options', () => peer.connect(none)],
      ['changes', () => peer.update(wrong(null))],
      ['options', () => peer.remove(none)],
      ['options', () => near.broadcast(bytes, none)],
      ['filter', () => near.messages(none)],
      ['options', () => near.addPeer(wrong(null))],
      ['options', () => near.close(none)],
      ['options', () => Device.open(wrong(null))],
    ]
    for (const [name, use] of uses) {
      const thrown = await thrownBy(use)
      expectWrong(thrown, new RegExp(`^${name} must be an object with some of .*; got null$`), String(use))
      expect(thrown).toMatchObject({ code: 'ERR_WARREN_INVALID_ARGUMENT' })
    }
    expect([connection.isOpen, near.peers.has(peer.publicKey)]).toEqual([true, true])
    await connection.send(bytes, undefined)
    connection.openStream(undefined).destroy()
    await connection.messages(undefined).return?.()
    await connection.close(undefined)
  })

  it('an offer that is left out is that of the device, whose list may be empty', async () => {
    const device = await network.open({ protocols: [] })
    const { publicKey } = PrivateKey.generate()
    const peer = device.addPeer({ publicKey })
    const says = (name: string) =>
      new RegExp(`^${name} must be a list of one or more: the device's is empty; got undefined$`)
    expectWrong(await thrownBy(() => peer.connect()), says('options\\.protocols'))
    expectWrong(await thrownBy(() => peer.update({ connect: true })), says('changes\\.connect\\.protocols'))
  })

  it("a device's own private key is not taken for a peer's public one", async () => {
    const device = await network.open({ privateKey: secret })
    const thrown = await thrownBy(() => device.addPeer({ publicKey: secret.export() }))
    expect(thrown).toMatchObject({ code: 'ERR_WARREN_INVALID_KEY' })
    expect(thrown.message).toMatch(/^options\.publicKey .*; got the private key of this device$/)
    expect(thrown.message).not.toContain(secret.export())
  })

  it('a key may end as its line does, and a heartbeat may be never', async () => {
    const device = await network.open({ privateKey: `${secret.export()}\n`, heartbeat: 0 })
    expect(device.publicKey).toBe(secret.publicKey)
    const { publicKey } = PrivateKey.generate()
    expect(device.addPeer({ publicKey: `${publicKey}\r\n` }).publicKey).toBe(publicKey)
  })

  it('a port that is taken is named once, as an endpoint', async () => {
    for (const listen of [undefined, { host: '127.0.0.1' }, { host: '::1' }]) {
      const { address } = await network.open({ listen })
      const { message } = await thrownBy(() => network.open({ listen: address }))
      const host = address.host.includes(':') ? `[${address.host}]` : address.host
      expect(message).toBe(
        `The port is in use; listen on another one, or on 0 for any free one (${host}:${address.port})`,
      )
    }
  })
})

function opened(options: object): Promise<Device> {
  return Device.open(wrong({ privateKey: secret, ...options }))
}

function transferred(): Buffer {
  const memory = new ArrayBuffer(8)
  const bytes = Buffer.from(memory)
  structuredClone(memory, { transfer: [memory] })
  return bytes
}

/** A view past the end that its memory has by now. */
function shrunk(): Uint8Array {
  const memory: ArrayBuffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 8 }])
  const bytes = new Uint8Array(memory, 4, 4)
  Reflect.apply(Reflect.get(memory, 'resize'), memory, [2])
  return bytes
}

/** Rejects with the error that the use of a stream brings about. */
async function errorOf<S extends Writable>(stream: S, use: (stream: S) => unknown): Promise<never> {
  const failed = once(stream, 'error')
  use(stream)
  throw (await failed)[0]
}

async function thrownBy(use: () => unknown): Promise<Error> {
  try {
    await use()
  } catch (thrown) {
    return thrown as Error
  }
  return new Error('nothing was thrown')
}

function expectWrong(thrown: Error, says: RegExp, what = ''): void {
  expect([what, thrown.message]).toEqual([what, expect.stringMatching(says)])
  expect(thrown).toMatchObject({ code: expect.stringMatching(/^ERR_WARREN_/) })
  expect(thrown.message).not.toContain(secret.export())
}
