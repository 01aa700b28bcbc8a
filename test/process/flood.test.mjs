// What strangers can send, poured over a device in a process of its own while a peer's stream runs into it.

import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Device, PrivateKey } from '../../dist/index.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const linux = { skip: process.platform === 'linux' ? false : 'any address of 127.0.0.0/8 is a source on Linux alone' }

let far
let victim
let near
let isWriting = true
let writing

before(async () => {
  far = fork(fileURLToPath(new URL('programs/far.mjs', import.meta.url)))
  ;[victim] = await once(far, 'message')
  near = await open()
  const { connection, captured } = await connectThroughRelay()
  const outgoing = connection.openStream()
  outgoing.on('error', () => {})
  writing = (async () => {
    while (isWriting) if (!outgoing.write(Buffer.alloc(64 * 1024))) await once(outgoing, 'drain')
  })()
  overheard = captured
})

after(async () => {
  isWriting = false
  await writing
  await near.close()
  relay.close()
  far.disconnect()
})

let relay
let overheard

for (const [kind, reasons] of [
  ['initiations', ['Unauthenticated', 'UnderLoad']],
  ['wrong-mac', ['WrongMac1']],
  ['data', ['UnknownIndex', 'Oversized']],
  ['malformed', ['Malformed']],
]) {
  test(`a flood of ${kind} is counted by reason, gets less than it sends, and keeps no peer out`, linux, async () => {
    const begin = await ask()
    const flooding = await flood(kind, 3)
    await dial()
    const middle = await ask()
    await dial()
    const { sent, sentBytes, answerBytes } = await flooding.done
    const end = await ask()
    assert.ok(sent > 10_000, `${sent} datagrams are no flood`)
    for (const reason of reasons) assert.ok(drops(end, reason) > drops(begin, reason), reason)
    const dropped = reasons.reduce((sum, reason) => sum + drops(end, reason) - drops(begin, reason), 0)
    // The two that dial may be asked for a cookie.
    assert.ok(dropped <= sent + 10, `${dropped} of ${sent} dropped: each is counted for one reason`)
    assert.ok(answerBytes <= sentBytes / 4, `${answerBytes} bytes for ${sentBytes}`)
    assert.ok(middle.bytes > begin.bytes && end.bytes > middle.bytes, 'the stream goes on')
    assert.ok(end.peers <= begin.peers + 2, 'nobody else became a peer')
    assert.ok(end.resident < begin.resident + 64 * 2 ** 20, `${end.resident - begin.resident} bytes more`)
  })
}

test('what a peer sent, sent again or altered, is dropped and counted and moves nobody', async () => {
  const begin = await ask()
  const stranger = createSocket('udp4').bind(0, '127.0.0.2')
  await once(stranger, 'listening')
  for (let round = 0; round < 50; round++) {
    for (const datagram of overheard) {
      stranger.send(datagram, victim.port, '127.0.0.1')
      const altered = Buffer.from(datagram)
      // From the counter on: one that came already is a replay, whatever else was altered.
      altered[8 + (round % (datagram.length - 8))] ^= 0x40
      stranger.send(altered, victim.port, '127.0.0.1')
      stranger.send(datagram.subarray(0, round % 32), victim.port, '127.0.0.1')
    }
    await delay(2)
  }
  const reasons = ['Replayed', 'Unauthenticated', 'Malformed']
  // Each is waited for: the device may be behind, and has them in its own order.
  const end = await until((now) => {
    const risen = reasons.every((reason) => drops(now, reason) > drops(begin, reason))
    return risen && drops(now, 'Replayed') - drops(begin, 'Replayed') > overheard.length
  })
  const later = await until((now) => now.bytes > end.bytes)
  assert.ok(later.bytes > end.bytes, 'the stream goes on')
  stranger.close()
})

test('a stream keeps its share while the flood that went elsewhere comes here', linux, async () => {
  const moved = { sink: 0, device: 0 }
  for (const target of ['sink', 'device', 'device', 'sink', 'sink', 'device']) {
    const flooding = await flood('initiations', 1, target)
    const begin = await ask()
    await flooding.done
    moved[target] += (await ask()).bytes - begin.bytes
  }
  // On an idle machine 0.9; here anything may run beside it.
  assert.ok(moved.device > moved.sink / 4, `${moved.device} of ${moved.sink} bytes`)
})

function open() {
  return Device.open({ privateKey: PrivateKey.generate(), listen: { host: '127.0.0.1' } })
}

/** A legitimate peer that is new, and comes from an address where there is one. */
async function dial() {
  const device = await open()
  await device.addPeer({ publicKey: victim.publicKey, endpoint: `127.0.0.1:${victim.port}` }).connect()
  await device.close()
}

/** Connects the near device by way of a socket that keeps some of what it forwards. */
async function connectThroughRelay() {
  const captured = []
  relay = createSocket('udp4').bind(0, '127.0.0.1')
  await once(relay, 'listening')
  relay.on('message', (bytes, from) => {
    if (from.port === victim.port) return relay.send(bytes, near.address.port, '127.0.0.1')
    // Data of the session: the handshake's own messages are tested with the protocol.
    if (bytes[0] === 4 && captured.length < 50) captured.push(Buffer.from(bytes))
    relay.send(bytes, victim.port, '127.0.0.1')
  })
  const endpoint = `127.0.0.1:${relay.address().port}`
  const connection = await near.addPeer({ publicKey: victim.publicKey, endpoint }).connect()
  return { connection, captured }
}

/** Begins to pour 50,000 datagrams a second, from all of 127.0.0.0/8. */
async function flood(kind, seconds, target = 'device') {
  const address = target === 'sink' ? 'sink' : `127.0.0.1:${victim.port}`
  const args = ['run', '--quiet', '--package', 'warren-bench-flood', '--']
  const child = spawn('cargo', [...args, address, victim.publicKey, kind, '50000', String(seconds)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'flooding')
  return { done: lines.next().then(({ value }) => JSON.parse(value)) }
}

async function ask() {
  far.send('how are you?')
  return (await once(far, 'message'))[0]
}

async function until(isTrue) {
  for (;;) {
    const now = await ask()
    if (isTrue(now)) return now
    await delay(20)
  }
}

function drops({ stats }, reason) {
  return stats[`receiveDropped${reason}`]
}
