// The examples in doc comments, as the package's declarations have them.

import assert from 'node:assert/strict'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PrivateKey, parseConfig, WarrenError } from '../../dist/index.mjs'
import { filesUnder } from '../../scripts/build/fingerprint.mjs'
import { called, connected, consoleOf, deviceOf, open, patient, reaching } from './pages/nodes.mjs'
import { run } from './pages/page.mjs'

const privateKey = PrivateKey.generate()

/** Each runs the example of this declaration, and says what came of it. */
const EXAMPLES = {
  'class Device': async (example, context) => {
    const friend = await open(context)
    const console = consoleOf()
    let device
    const Device = { open: async (options) => (device = await deviceOf(context).open(options)) }
    void run(example, { Device, privateKey, friends: new Set([friend.publicKey]), console })
    while (device === undefined) await new Promise(setImmediate)
    const peer = friend.addPeer({ publicKey: device.publicKey, endpoint: device.address })
    await (await peer.connect()).send(Buffer.from('hello'))
    assert.equal(await console.line(/hello/), `${friend.publicKey} hello`)
  },
  'static open': (example, context) =>
    run(example, { Device: deviceOf(context), readFileSync: () => `${privateKey.export()}\n` }),
  addPeer: async (example, context) => {
    const far = await open(context, { authorize: () => true })
    const device = await open(context)
    await run(example, { device: reaching(device, far.address), publicKey: far.publicKey })
    await new Promise((resolve) => device.once('connection', resolve))
  },
  'messages of Device': async (example, context) => {
    const { far, connection } = await connected(context)
    const third = await open(context)
    const other = await third.addPeer({ publicKey: far.publicKey, endpoint: far.address }).connect()
    void run(example, { device: far })
    await connection.send(Buffer.from('news'))
    assert.equal(String((await other.messages().next()).value.bytes), 'news')
  },
  broadcast: async (example, context) => {
    const { far, near } = await connected(context)
    const console = consoleOf()
    const encode = (protocol, block) => Buffer.from(`${protocol} ${block}`)
    await run(example, { device: near, bytes: Buffer.from('news'), encode, block: 'block', console })
    assert.deepEqual(console.lines, [`${far.publicKey} delivered`])
  },
  'setProtocols of Device': async (example, context) => {
    const device = await open(context)
    await run(example, { device })
    assert.deepEqual([device.protocols.offer, device.protocols.accept], [['ledger/1'], ['ledger/1', 'ledger/2']])
  },
  'setProtocols of Peer': async (example, context) => {
    const { peer, accepted } = await connected(context)
    await run(example, { peer })
    while (accepted.peer.protocols.get('ledger')?.accepted.length !== 2) await new Promise(setImmediate)
    assert.deepEqual(accepted.peer.protocols.get('ledger').offered, ['ledger/1'])
  },
  setFloor: async (example, context) => {
    const device = await open(context)
    await run(example, { device })
    assert.equal(device.protocols.floors[0].protocol, 'ledger/2')
  },
  canClose: async (example, context) => {
    const { far, near } = await connected(context, { protocols: ['ledger/1'] }, { protocols: ['ledger/1'] })
    const console = consoleOf()
    await run(example, { device: near, console })
    assert.deepEqual(console.lines, [`${far.publicKey} connected`])
  },
  supersede: async (example, context) => {
    const options = { protocols: ['ledger/1', 'ledger/2'], moves: { auto: false } }
    const { far, near, connection, accepted } = await connected(context, options, options)
    for (const device of [near, far]) device.setProtocols(['ledger/2', 'ledger/1'])
    while (connection.peer.protocols.get('ledger').offered[0] !== 'ledger/2') await new Promise(setImmediate)
    const moved = new Promise((resolve) => far.once('connection', resolve))
    const encode = (protocol, block) => Buffer.from(`${protocol} ${block}`)
    await run(example, { connection, encode, block: 'block' })
    const next = await moved
    assert.equal(next.replaces, accepted)
    assert.equal(String((await next.messages().next()).value.bytes), 'ledger/2 block')
    assert.equal(next.peer.protocols.get('ledger').current, 'ledger/2')
  },
  'class Peer': async (example, context) => {
    const far = await open(context, { authorize: () => true })
    const console = consoleOf()
    const patiently = { addPeer: (options) => unhurried(reaching(device, far.address).addPeer(options)) }
    const device = await open(context)
    await run(example, { device: patiently, publicKey: far.publicKey, console })
    assert.match(console.lines[0], /is at 127\.0\.0\.1:\d+$/)
  },
  connect: async (example, context) => {
    const far = await open(context, { authorize: () => true, protocols: ['ledger/1'] })
    const peer = (await open(context)).addPeer({ publicKey: far.publicKey, endpoint: far.address })
    const [warn, warned] = called()
    await run(example, { peer: unhurried(peer), warn })
    assert.equal((await warned).length, 1)
  },
  'class Connection': async (example, context) => {
    const { peer, accepted } = await connected(context)
    const console = consoleOf()
    const ended = run(example, { peer, console })
    await accepted.send(Buffer.from('so do I'))
    await console.line(/so do I/)
    await accepted.close()
    await ended
  },
  send: async (example, context) => {
    const { connection } = await connected(context)
    await run(example, { connection, block: Buffer.from('a block'), retry: assert.fail })
  },
  'messages of Connection': async (example, context) => {
    const { connection, accepted } = await connected(context)
    const [vote, voted] = called()
    void run(example, { connection, vote })
    await accepted.send(Buffer.from('low'), { priority: 99 })
    await accepted.send(Buffer.from('yes'), { priority: 100 })
    assert.equal(String(await voted), 'yes')
  },
  openStream: async (example, context) => {
    const { connection, accepted } = await connected(context)
    accepted.on('stream', (stream) => stream.pipe(stream))
    const console = consoleOf()
    await run(example, { connection, text, console, AbortSignal: patient })
    assert.deepEqual(console.lines, ['account 7'])
  },
  'class ConnectionStream': async (example, context) => {
    const folder = mkdtempSync(join(tmpdir(), 'warren-examples-'))
    context.after(() => rmSync(folder, { recursive: true }))
    const { connection, accepted } = await connected(context)
    const [receiving, sending] = example.split('\n')
    const [copied, copy] = called()
    const inFolder = (name) => createWriteStream(join(folder, name)).once('close', copied)
    writeFileSync(join(folder, 'state.bin'), 'state')
    await run(receiving, { connection: accepted, createWriteStream: inFolder })
    await run(sending, { connection, pipeline, createReadStream: (name) => createReadStream(join(folder, name)) })
    await copy
    assert.equal(readFileSync(join(folder, 'copy.bin'), 'utf8'), 'state')
  },
  'class PrivateKey': async (example) => {
    const console = consoleOf()
    const [written, writing] = called()
    await run(example, { PrivateKey, writeFileSync: written, console })
    const [, contents] = await writing
    assert.equal(PrivateKey.from(contents.trim()).publicKey, console.lines[0])
  },
  'class WarrenError': async (example, context) => {
    const nowhere = (await open(context)).addPeer({ publicKey: privateKey.publicKey, endpoint: '127.0.0.1:9' })
    const console = consoleOf()
    await run(example, { peer: { connect: () => nowhere.connect({ timeout: 300 }) }, WarrenError, console })
    assert.match(console.lines[0], /^127\.0\.0\.1:9 did not answer \d+ times$/)
  },
  'function parseConfig': async (example, context) => {
    const file = `[Interface]\nPrivateKey = ${privateKey.export()}\n`
    await run(example, { Device: deviceOf(context), parseConfig, readFileSync: () => file })
  },
}

/** A program in a doc comment, and the line that the comment is of. */
const EXAMPLE = /@example\n *\* ```js\n((?: *\* .*\n)+?) *\* ```\n *\*\/\n *(?:export declare )?(.*)/g

const examples = examplesOf(fileURLToPath(new URL('../../dist', import.meta.url)))

test('each example of a declaration is run, and each that is run is there', () => {
  assert.deepEqual([...examples.keys()].sort(), Object.keys(EXAMPLES).sort())
})

for (const [name, show] of Object.entries(EXAMPLES))
  test(`the example of ${name} does what it shows`, (context) => show(examples.get(name), context))

/** Programs by the declaration that follows: its kind and name, or a method's name, and its class where two have one of that name. */
function examplesOf(folder) {
  const found = new Map()
  for (const file of filesUnder(folder).filter((path) => /\.d\.ts$/.test(path))) {
    for (const [, lines, declaration] of readFileSync(file, 'utf8').matchAll(EXAMPLE)) {
      const code = lines.replace(/^ *\* ?/gm, '')
      const [name] = /(?:class|function|static) \w+|^\w+/.exec(declaration)
      const [, owner] = /(\w+)\.d\.ts$/.exec(file)
      const isOfTwo = ['messages', 'setProtocols'].includes(name)
      found.set(isOfTwo ? `${name} of ${owner[0].toUpperCase()}${owner.slice(1)}` : name, code)
    }
  }
  return found
}

/** A peer of which no time that an example gives is too short for a busy machine. */
function unhurried(peer) {
  const connect = ({ timeout: _, ...options } = {}) => peer.connect(options)
  return {
    connect,
    publicKey: peer.publicKey,
    get endpoint() {
      return peer.endpoint
    },
  }
}
