// The harness itself: a network that does what it says, and a stream that tells what became of it.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { Relay } from './relay.mjs'
import { packetsFor, StreamReceiver, sendStream } from './stream.mjs'
import { until } from './tunnel.mjs'

const PACKETS = 10_000

test('a good network brings every datagram, once and in order', async () => {
  const { received, numbers } = await pass({})
  assert.deepEqual(received, { arrived: PACKETS, doubled: 0, altered: 0 })
  assert.ok(numbers.every((number, i) => number === i))
})

test('what the network loses, doubles and delays is what the receiver lacks, sees twice and sees late', async () => {
  const { received, relay, numbers } = await pass({ loss: 0.02, reorder: 0.02, duplicate: 0.02 })
  const { lostLarge, doubled, heldBack } = relay.toServer
  assert.deepEqual(received, { arrived: PACKETS - lostLarge, doubled, altered: 0 })
  for (const share of [lostLarge, doubled, heldBack]) assert.ok(share > PACKETS * 0.01 && share < PACKETS * 0.03)
  const late = numbers.filter((number, i) => number < numbers[i - 1]).length
  assert.ok(late > PACKETS * 0.01, `${late} came late`)
})

test('a flipped bit anywhere is noticed', async () => {
  const { received } = await pass({}, (payload, number) => {
    if (number % 1_000 === 7) payload[8 + ((number * 31) % (payload.length - 8))] ^= 1
  })
  assert.deepEqual(received, { arrived: PACKETS - 10, doubled: 0, altered: 10 })
})

test('a client that the network moves is seen from elsewhere, and answered there', async () => {
  const server = await bound()
  const client = await bound()
  const relay = await Relay.open({ serverPort: server.address().port })
  const seen = []
  server.on('message', (payload, { port }) => {
    seen.push(port)
    server.send(payload, port, '127.0.0.1')
  })
  for (let i = 0; i < 2; i++) {
    const answered = once(client, 'message')
    client.send('?', relay.port, relay.host)
    await answered
    await relay.rebind()
  }
  assert.notEqual(seen[0], seen[1])
  for (const open of [server, client, relay]) open.close()
})

/** A stream through a relay, with each of its payloads passed through `alter` first. */
async function pass(faults, alter = () => {}) {
  const [near, far] = [await bound(), await bound()]
  const relay = await Relay.open({ serverPort: far.address().port, faults: { ...faults, seed: 3 } })
  const numbers = []
  let sender
  let came = 0
  const answering = { onPayload: () => {}, send: (payload) => far.send(payload, sender.port, sender.address) }
  const receiver = new StreamReceiver(answering)
  far.on('message', (payload, from) => {
    sender = from
    came++
    const number = payload.readUInt32BE(4)
    if (payload.length > 12) {
      numbers.push(number)
      alter(payload, number)
    }
    answering.onPayload(payload)
  })
  const sending = {
    onPayload: () => {},
    send: (payload) => {
      near.send(payload, relay.port, relay.host)
      return true
    },
  }
  near.on('message', (payload) => sending.onPayload(payload))
  await sendStream(sending, { packets: PACKETS })
  await relay.settled()
  // The last ones, which were held back, may not have been read yet.
  await until(() => came === relay.toServer.taken - relay.toServer.lost + relay.toServer.doubled)
  for (const open of [near, far, relay]) open.close()
  return { received: receiver.received, relay, numbers }
}

async function bound() {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

test('a stream of 64 MiB is as many full packets as that takes', () => {
  assert.equal(packetsFor(64 << 20), 49_201)
})
