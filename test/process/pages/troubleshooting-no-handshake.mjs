import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { PrivateKey } from '../../../dist/index.mjs'
import { consoleOf, open } from './nodes.mjs'
import { run } from './page.mjs'

/** Causes of the page: how the devices are opened, which end is watched, and what is printed there. */
const CAUSES = [
  { prints: 'receiveDroppedWrongMac1', key: () => PrivateKey.generate().publicKey },
  { prints: 'rejected … refused', far: { authorize: () => false } },
  { prints: 'rejected … error', far: { authorize: () => Promise.reject(new Error('a bug')) } },
  { prints: 'rejected … timeout', far: { authorize: () => new Promise(() => {}), authorizeTimeout: 1 } },
  { prints: 'receiveDroppedStranger' },
  { prints: 'receiveDroppedMalformed', noise: true },
  { prints: 'initiationsAnswered', isPeer: true, presharedKey: Buffer.alloc(32, 1) },
  { prints: 'receiveDroppedUnauthenticated', isPeer: true, presharedKey: Buffer.alloc(32, 1), at: 'near' },
]

export default async function (page, context) {
  const [dialling, watching] = [page.next(), page.next()]
  await context.test(
    'the end that dials says where it asked in vain, and nothing rises at an end that is not reached',
    (context) => nothingArrives(dialling, watching, context),
  )
  await context.test('nothing rises at an end that no answer reaches', (context) => noAnswer(watching, context))
  for (const { prints, ...cause } of CAUSES) {
    assert.ok(page.text.includes(`\`${prints}\``), `the page tells of ${prints}`)
    await context.test(`it prints ${prints}`, (context) => shows(prints, cause, watching, context))
  }
}

async function nothingArrives(dialling, watching, context) {
  const [near, far] = [await open(context), await open(context)]
  const { look, lines } = await watch(far, watching)
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: '127.0.0.1:9' })
  const console = consoleOf()
  await run(dialling, { peer: { connect: () => peer.connect({ timeout: 300 }) }, console })
  assert.match(console.lines[0], /^127\.0\.0\.1:9: asked \d+ times, no answer$/)
  look()
  assert.deepEqual(lines, [])
}

async function noAnswer(watching, context) {
  const [near, far] = [await open(context), await open(context)]
  far.addPeer({ publicKey: near.publicKey })
  const { look, lines } = await watch(near, watching)
  const endpoint = await oneWay(context, far.address.port)
  void near.addPeer({ publicKey: far.publicKey, endpoint, connect: true })
  while (far.stats().initiationsAnswered === 0) await delay(20)
  look()
  assert.deepEqual(lines, [])
}

async function shows(prints, cause, watching, context) {
  // An exception in `authorize` is a warning of the process.
  context.mock.method(process, 'emitWarning', () => {})
  const [near, far] = [await open(context), await open(context, cause.far)]
  const { presharedKey } = cause
  if (cause.isPeer) far.addPeer({ publicKey: near.publicKey, presharedKey })
  const { look, lines } = await watch(cause.at === 'near' ? near : far, watching)
  if (cause.noise) await noise(far.address.port)
  else near.addPeer({ publicKey: cause.key?.() ?? far.publicKey, endpoint: far.address, connect: true })
  const isPrinted = () => lines.some((line) => line.replace(/^rejected \S+ (\S+)/, 'rejected … $1').startsWith(prints))
  for (look(); !isPrinted(); look()) await delay(20)
}

/** Runs the page's program at this device; `look` is a turn of its interval. */
async function watch(device, watching) {
  const console = consoleOf()
  let look
  const setInterval = (callback) => ({ unref: () => (look = callback) })
  await run(watching, { device, console, setInterval })
  return { look, lines: console.lines }
}

/** A network that carries datagrams there and none back. */
async function oneWay(context, port) {
  const [socket, sender] = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4')]
  await once(socket, 'listening')
  context.after(() => {
    socket.close()
    sender.close()
  })
  socket.on('message', (bytes) => sender.send(bytes, port, '127.0.0.1'))
  return `127.0.0.1:${socket.address().port}`
}

/** A datagram that is no WireGuard. */
async function noise(port) {
  const socket = createSocket('udp4')
  await new Promise((resolve) => socket.send('GET / HTTP/1.1', port, '127.0.0.1', resolve))
  socket.close()
}
