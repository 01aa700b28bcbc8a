import assert from 'node:assert/strict'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { PrivateKey, parseConfig } from '../../../dist/index.mjs'
import { called, connected, consoleOf, deviceOf, open, patient } from './nodes.mjs'
import { constOf, Page, run, runWhole } from './page.mjs'

const privateKey = PrivateKey.generate()

export default async function (page, context) {
  first(page)
  for (const [name, scenario] of SCENARIOS) await context.test(name, (context) => scenario(page, context))
}

/** The first program prints the urgent object first. */
function first(page) {
  const program = page.next()
  assert.match(program, /from 'warren'/)
  assert.ok(program.split('\n').length <= 40, 'the first program is short')
  const { status, stdout, stderr } = runWhole(page, program)
  assert.equal(status, 0, stderr)
  assert.ok(page.promised.includes(stdout), stdout)
  const printed = [...stdout.matchAll(/priority (\d+)/g)].map(([, priority]) => Number(priority))
  assert.deepEqual(printed, [200, 0], 'the urgent object was sent last and is printed first')
}

async function twoMachines(page, context) {
  const caller = PrivateKey.generate()
  const console = consoleOf()
  const answering = {
    readFileSync: () => privateKey.export(),
    process: { argv: ['node', 'far.mjs', caller.publicKey] },
    console,
  }
  const far = await constOf('device', page.next(), { ...answering, Device: deviceOf(context) })
  const Device = {
    async open(options) {
      const device = await open(context, options)
      const addPeer = device.addPeer.bind(device)
      return Object.assign(device, { addPeer: (peer) => addPeer({ ...peer, endpoint: far.address }) })
    },
  }
  const calling = { readFileSync: () => `${caller.export()}\n`, process: { argv: ['node', 'near.mjs', far.publicKey] } }
  await run(page.next(), { ...calling, Device })
  assert.equal(await console.line(/./), 'hello')
}

async function strangers(page, context) {
  const friend = await open(context)
  const registry = { has: async (key) => key === friend.publicKey }
  const device = await constOf('device', page.next(), { Device: deviceOf(context), privateKey, registry })
  const { publicKey, address } = device
  await friend.addPeer({ publicKey, endpoint: address }).connect()
  const [rejected, told] = called()
  device.on('peer', ({ type, publicKey }) => type === 'rejected' && rejected(publicKey))
  const stranger = await open(context)
  stranger.addPeer({ publicKey, endpoint: address, connect: true })
  assert.deepEqual(await told, [stranger.publicKey])
}

async function stayConnected(page, context) {
  const device = await open(context)
  const friend = await open(context, { authorize: () => true })
  const [welcome, welcomed] = called()
  await run(page.next(), { device, friends: [{ publicKey: friend.publicKey, endpoint: friend.address }], welcome })
  const [{ peer }] = await welcomed
  assert.equal(peer.publicKey, friend.publicKey)
}

async function protocols(page, context) {
  const far = await open(context, { authorize: () => true, protocols: ['ledger/1', 'chat/1'] })
  const [serveOldLedger, served] = called()
  const friend = { publicKey: far.publicKey, endpoint: far.address }
  const scope = { Device: deviceOf(context), privateKey, friend, serveLedger() {}, serveChat() {}, serveOldLedger }
  const ledger = await constOf('ledger', page.next(), scope)
  assert.equal(ledger.protocol, 'ledger/1')
  assert.deepEqual(await served, [ledger])
}

/** Both ends of a pair make the two calls, as the nodes of a network would, one after the other. */
async function upgrades(page, context) {
  const lists = { protocols: ['ledger/1'] }
  const far = await open(context, { authorize: () => true, ...lists })
  const near = await open(context, lists)
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: far.address })
  const before = await peer.connect()
  const moved = new Promise((resolve) => {
    near.on('connection', (connection) => connection.protocol === 'ledger/2' && resolve(connection))
  })
  for (const call of page.next().split('\n')) for (const device of [near, far]) await run(call, { device })
  assert.equal((await moved).replaces, before)
}

async function early(page, context) {
  const far = await open(context, { authorize: () => true, protocols: ['ledger/2', 'ledger/1'] })
  const near = await open(context, { protocols: ['ledger/2', 'ledger/1'] })
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: far.address })
  await run(page.next(), { peer, block: Buffer.from('a block') })
  const { value } = await far.messages().next()
  assert.equal(String(value.bytes), 'a block')
}

async function priorities(page, context) {
  const { connection, accepted } = await connected(context)
  const [[vote, voted], [store, stored]] = [called(), called()]
  for (const loop of page.next().split(/^(?=for )/m)) void run(loop, { connection: accepted, vote, store })
  for (const [bytes, priority] of [
    ['block', 10],
    ['yes', 200],
  ])
    await connection.send(Buffer.from(bytes), { priority })
  assert.deepEqual([String(await voted), String(await stored)], ['yes', 'block'])
}

async function outcomes(page, context) {
  const { connection } = await connected(context)
  const { signal } = new AbortController()
  const program = page.next()
  const block = Buffer.from('a block')
  await run(program, { connection, block, signal, retry: assert.fail })
  const [retry, retried] = called()
  const lossy = { send: async () => ({ settled: Promise.resolve('lost') }) }
  await run(program, { connection: lossy, block, signal, retry })
  assert.deepEqual(await retried, [block])
}

async function obsolete(page, context) {
  const { connection, accepted } = await connected(context)
  await run(page.next(), { connection, vote: Buffer.from('yes'), state: Buffer.from('old') })
  for await (const { bytes, priority } of accepted.messages()) {
    assert.equal(priority, String(bytes) === 'yes' ? 200 : 50)
    // The vote may be too old on a busy machine.
    if (String(bytes) === 'old') return
  }
}

async function broadcast(page, context) {
  const { near, far, connection } = await connected(context)
  const third = await open(context)
  const late = await third.addPeer({ publicKey: far.publicKey, endpoint: far.address }).connect()
  const seen = new Set()
  const isNew = (bytes) => seen.size < seen.add(String(bytes)).size
  void run(page.next(), { device: far, isNew })
  await connection.send(Buffer.from('news'), { priority: 7 })
  const { value } = await late.messages().next()
  assert.deepEqual([String(value.bytes), value.priority], ['news', 7])
  assert.equal(near.connections.size, 1)
}

async function lanes(page, context) {
  const { Device, opened } = keeping(context)
  await run(page.next(), { Device, privateKey })
  assert.deepEqual(opened[0].stats().lanes, [])
}

async function streams(page, context) {
  const folder = mkdtempSync(join(tmpdir(), 'warren-pages-'))
  context.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'state.bin'), Buffer.alloc(1_000_000, 'warren'))
  const { connection, accepted } = await connected(context)
  const inFolder = { createReadStream: (name) => createReadStream(join(folder, name)), pipeline }
  const [sending, receiving] = page.next().split('\n')
  const [copied, copy] = called()
  const createCopy = (name) => createWriteStream(join(folder, name)).once('close', copied)
  await run(receiving, { connection: accepted, createWriteStream: createCopy })
  await run(sending, { connection, ...inFolder })
  await copy
  assert.deepEqual(readFileSync(join(folder, 'copy.bin')), readFileSync(join(folder, 'state.bin')))
}

async function requests(page, context) {
  const [answering, asking] = [page.next(), page.next()]
  const { programs } = new Page('docs/request-and-response.md')
  assert.deepEqual([answering, asking], programs.slice(0, 2), 'as on the page of its own')
  const { connection, accepted } = await connected(context, {}, { allowHalfOpen: true })
  const answer = async (question, name) => `the ${name} of ${question} is 12`
  run(answering, { connection: accepted, answer, text })
  const console = consoleOf()
  await run(asking, { connection, console, text, AbortSignal: patient })
  assert.deepEqual(console.lines, ['the balance of account 7 is 12'])
}

async function service(page, context) {
  const { near: device, connection } = await connected(context)
  const on = {}
  const process = { once: (signal, listener) => (on[signal] = listener) }
  const loopback = {
    createServer: (listener) => {
      const server = http.createServer(listener)
      context.after(() => server.close())
      return { listen: () => server.listen(0, '127.0.0.1') }
    },
  }
  const metrics = await constOf('metrics', page.next(), { device, http: loopback, process })
  if (!metrics.listening) await new Promise((resolve) => metrics.once('listening', resolve))
  const response = await fetch(`http://127.0.0.1:${metrics.address().port}/metrics`, {
    headers: { connection: 'close' },
  })
  const figures = await response.text()
  assert.match(figures, /^warren_connections 1$/m)
  for (const line of figures.trimEnd().split('\n')) assert.match(line, /^warren_\w+ [\d.e+-]+$/)
  on.SIGTERM()
  assert.equal((await device.closed).reason, 'restarting')
  assert.equal((await connection.closed).by, 'local')
}

async function packets(page, context) {
  const { near, far, peer } = await connected(context)
  const [handle, handled] = called()
  const back = far.peers.get(near.publicKey)
  const packet = emptyPacket(near.addresses[0], far.addresses[0])
  const [receiving, sending] = page.next().split('\n')
  await run(receiving, { peer: back, handle })
  await run(sending, { peer, packet })
  // A packet may be lost.
  const again = setInterval(() => peer.sendPacket(packet), 500)
  assert.deepEqual(await handled, [packet])
  clearInterval(again)
}

async function plain(page, context) {
  const other = PrivateKey.generate().publicKey
  const file = `[Interface]\nPrivateKey = ${privateKey.export()}\n[Peer]\nPublicKey = ${other}\nEndpoint = 127.0.0.1:9\n`
  const { Device, opened } = keeping(context)
  await run(page.next(), { Device, parseConfig, readFileSync: () => file })
  assert.equal(opened[0].publicKey, privateKey.publicKey)
  assert.deepEqual([...opened[0].peers.keys()], [other])
}

/** `Device` for parts of programs, and the devices that it opened. */
function keeping(context) {
  const opened = []
  const { open: openOne } = deviceOf(context)
  const keep = async (options) => {
    opened.push(await openOne(options))
    return opened.at(-1)
  }
  return { opened, Device: { open: keep } }
}

/** An IPv6 packet without contents (RFC 8200 section 3, next header 59). */
function emptyPacket(from, to) {
  const words = (address) => {
    const [head, tail] = address.split('::').map((half) => (half === '' ? [] : half.split(':')))
    const zeros = Array(tail === undefined ? 0 : 8 - head.length - tail.length).fill('0')
    return [...head, ...zeros, ...(tail ?? [])].map((word) => Number.parseInt(word, 16))
  }
  const packet = Buffer.alloc(40)
  packet.set([0x60, 0, 0, 0, 0, 0, 59, 64])
  for (const [index, word] of [...words(from), ...words(to)].entries()) packet.writeUInt16BE(word, 8 + 2 * index)
  return packet
}

/** In the order of the page. */
const SCENARIOS = [
  ['one machine says hello to another', twoMachines],
  ['a stranger is let in if the registry has its key', strangers],
  ['a peer is connected without a call', stayConnected],
  ['each connection goes to the handler of its protocol', protocols],
  ['two calls on each node move a connection to the new protocol', upgrades],
  ['what is sent early arrives', early],
  ['two readers take each their priorities', priorities],
  ['a lost message is sent again, a delivered one is not', outcomes],
  ['a message takes the place of nothing where nothing waits', obsolete],
  ['news goes on to the others', broadcast],
  ['lanes have policies', lanes],
  ['a file is copied', streams],
  ['a question is answered on its stream', requests],
  ['a service tells its figures, and closes at SIGTERM', service],
  ['a raw packet arrives', packets],
  ['a configuration file makes a device with its peers', plain],
]
