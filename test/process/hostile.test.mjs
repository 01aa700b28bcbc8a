// Each attack of native/fuzz at a process, beside an honest peer: what does not depend on how fast the machine is. How much of its
// speed the honest peer keeps is measured by `npm run bench -- hostile`. Ten minutes of each with WARREN_SLOW=1.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { Attacker, build, list } from '../../dist/bench/hostile/attacks.js'
import { Device, PrivateKey } from '../../dist/index.mjs'

const MIB = 2 ** 20
const program = new URL('programs/attacked.mjs', import.meta.url)
const key = (number) => PrivateKey.from(new Uint8Array(32).fill(number + 1))

const isSlow = process.env.WARREN_SLOW === '1'
const seconds = isSlow ? 600 : 0.7
const rate = 25

const limits = { receiveBytesPerConnection: 8 * MIB, messageBytes: MIB, streamsPerConnection: 64 }

/**
 * What `docs/design/security.md` lets one peer have a device hold that reads nothing of it: messages, in all lanes; streams; what
 * connections before left behind; raw packets and datagrams.
 */
const stated =
  4 * limits.receiveBytesPerConnection +
  (16 * MIB + 128 * 32 * 1024) +
  4 * limits.receiveBytesPerConnection +
  (MIB + MIB / 4)

/** Less, of attacks that can fill but one of these. */
const statedOf = {
  empties: 8 * MIB,
  fill: 16 * MIB + 128 * 32 * 1024,
  gaps: 16 * MIB,
  pinned: 32 * MIB,
  datagrams: 2 * MIB,
  'full-datagrams': 2 * MIB,
  packets: 2 * MIB,
  redials: 4 * limits.receiveBytesPerConnection,
}

/** Attacks that hold nothing: a handshake here and there. */
const HOLDS_NOTHING = 4 * MIB

/** What a process grows by in any case: compiled code, a heap that was collected, pages of an allocator. */
const beside = 24 * MIB

/** Which counters tell of it. */
const told = {
  crypto: ['protocolViolations'],
  'ids-given': ['protocolViolations'],
  'ack-delay': ['protocolViolations'],
  defrag: ['costlyDatagrams'],
  'initial-pieces': ['malformedHellos'],
  'unknown-ids': ['strayDatagrams'],
  rubbish: ['strayDatagrams'],
  astray: ['receiveDroppedWrongSource', 'receiveDroppedNotIp'],
  forged: ['receiveDroppedUnauthenticated'],
  replays: ['receiveDroppedReplayed'],
  renewals: ['receiveDroppedStaleInitiation'],
  'wrong-macs': ['receiveDroppedWrongMac1'],
}

const hostile = build('dev')

describe('an attack throws nothing, stops no honest peer, and is held to the limits', {
  concurrency: isSlow ? 8 : 2,
}, () => {
  for (const { name, victim, tries } of list(hostile)) {
    test(`${name}: ${tries}`, async (context) => {
      const child = fork(program, [JSON.stringify({ hostile: victim, limits })], { execArgv: ['--expose-gc'] })
      context.after(() => child.kill('SIGKILL'))
      const [{ port }] = await once(child, 'message')
      const device = await Device.open({ privateKey: key(1), listen: { host: '127.0.0.1' }, protocols: ['test'] })
      context.after(() => device.close())
      const peer = device.addPeer({ publicKey: key(0).publicKey, endpoint: `127.0.0.1:${port}` })
      const connection = await peer.connect()
      await echo(connection)
      const attacker = await Attacker.begin(hostile, name, port, '')
      context.after(() => attacker.end())

      const before = await ask(child)
      const attacking = attacker.here(rate, seconds)
      await echo(connection)
      await attacking
      const after = await ask(child)
      await echo(connection)

      assert.deepEqual(after.thrown, [])
      assert.equal(connection.isOpen, true)
      for (const counter of told[name] ?? []) {
        assert.ok(after.stats[counter] > before.stats[counter], `${counter} counts nothing`)
      }
      const grown = after.resident - before.resident
      const most = statedOf[name] ?? (victim === 'ignores' ? stated : HOLDS_NOTHING)
      const say = `grew by ${(grown / MIB).toFixed(1)} MiB; stated are ${most / MIB}`
      assert.ok(grown <= 1.5 * most + beside, say)
    })
  }
})

/** Sends a MiB and has it back as it was. */
async function echo(connection) {
  const bytes = randomBytes(MIB)
  const stream = connection.openStream()
  stream.end(bytes)
  const back = []
  for await (const chunk of stream) back.push(chunk)
  assert.ok(bytes.equals(Buffer.concat(back)), 'what comes back is not what was sent')
}

async function ask(child) {
  child.send('how are you?')
  const [answer] = await once(child, 'message')
  return answer
}
