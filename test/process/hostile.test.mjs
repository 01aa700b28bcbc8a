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
 * The sum of what `docs/design/security.md` lets one peer have a device hold that reads nothing of it: messages, in all lanes; streams; what
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
  // Every fourth of them is a raw packet for the application, which takes none.
  astray: 2 * MIB,
  redials: 4 * limits.receiveBytesPerConnection,
}

/** Attacks of which JavaScript hears nothing, and that hold no more than a handshake here and there. */
const holdsNothing = new Set(
  `ping padded immediate-ack challenges credit blocked dials dials-closed long-hellos half-hellos initial-pieces unknown-ids versions
  hellos-again goodbyes rubbish forged replays roams renewals ports wrong-macs`.split(/\s+/),
)

/** Growth of a process in any case: compiled code, pages of an allocator; and where JavaScript is busy, its young objects. */
const beside = { idle: 24 * MIB, busy: 24 * MIB + 3 * 16 * MIB }

/** Counters that tell of an attack. */
const told = {
  crypto: ['protocolViolations'],
  'ids-given': ['protocolViolations'],
  'ack-delay': ['protocolViolations'],
  defrag: ['costlyDatagrams'],
  scales: ['costlyDatagrams'],
  'initial-pieces': ['strayDatagrams'],
  'unknown-ids': ['strayDatagrams'],
  rubbish: ['strayDatagrams'],
  astray: ['receiveDroppedWrongSource', 'receiveDroppedNotIp'],
  forged: ['receiveDroppedUnauthenticated'],
  replays: ['receiveDroppedReplayed'],
  renewals: ['receiveDroppedStaleInitiation'],
  'wrong-macs': ['receiveDroppedWrongMac1'],
}

const hostile = build(isSlow ? 'release' : 'dev')

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
      const counted = (answer) =>
        (told[name] ?? []).every((counter) => (answer.stats[counter] ?? 0) > (before.stats[counter] ?? 0))
      const attacking = attacker.here(rate, seconds)
      await echo(connection)
      await attacking
      let after = await ask(child)
      // On a machine that stood still the attack has not begun by then.
      for (let more = 0; more < 60 && !counted(after); more++) {
        await attacker.here(rate, 0.5)
        after = await ask(child)
      }
      await echo(connection)

      assert.ok(counted(after), `${told[name]} count nothing: ${JSON.stringify(after.stats)}`)
      assert.deepEqual(after.thrown, [])
      assert.equal(connection.isOpen, true)
      const grown = after.resident - before.resident
      const most = holdsNothing.has(name) ? 4 * MIB : (statedOf[name] ?? stated)
      const say = `grew by ${(grown / MIB).toFixed(1)} MiB; stated are ${most / MIB}`
      assert.ok(grown <= 1.5 * most + (holdsNothing.has(name) ? beside.idle : beside.busy), say)
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
