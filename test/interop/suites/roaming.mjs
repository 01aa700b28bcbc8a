import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { DIALLERS, echoBothWays, endpointOf, FOREIGN, OURS, until, withTunnel } from '../tunnel.mjs'

/** Either end comes from elsewhere: the other follows what is authenticated, and nothing else. */
export function roaming(Foreign) {
  for (const dialler of DIALLERS) {
    for (const host of ['127.0.0.1', '::1']) {
      test(`the foreign peer changes its port over ${host} while traffic goes, ${dialler} had dialled: warren follows`, () =>
        withTunnel(Foreign, { dialler, host }, async (tunnel) => {
          const { foreign, ours } = tunnel
          await echoBothWays(tunnel)
          const initiations = ours.device.stats().initiationsSent
          const before = foreign.port
          const traffic = new Traffic(ours)
          await foreign.ping(OURS[0])
          await foreign.rebind()
          assert.notEqual(foreign.port, before)
          for (let i = 0; i < 10; i++) await foreign.ping(OURS[i % 2])
          traffic.known()
          await wait(500)
          await traffic.end()
          // It is told of moves once a second.
          const moved = () => ours.events.findLast(({ type }) => type === 'moved')
          await until(() => moved()?.to === endpointOf(host, foreign.port))
          assert.equal(moved()?.from, endpointOf(host, before))
          assert.equal(ours.peer.endpoint, endpointOf(host, foreign.port))
          assert.equal(ours.device.stats().initiationsSent, initiations, 'it took a handshake')
          await echoBothWays(tunnel)
        }))
    }
  }

  test('the network gives the foreign peer another address while traffic goes: warren follows', () =>
    withTunnel(Foreign, { dialler: DIALLERS[1], faults: {} }, async (tunnel) => {
      const { foreign, ours, relay } = tunnel
      await echoBothWays(tunnel)
      for (let i = 0; i < 3; i++) {
        const traffic = new Traffic(ours)
        await relay.rebind()
        await foreign.ping(OURS[i % 2])
        traffic.known()
        await wait(200)
        await traffic.end()
        await until(() => ours.peer.endpoint === endpointOf(relay.host, relay.outerPort))
      }
      assert.equal(ours.device.stats().initiationsSent, 0, 'it took a handshake')
    }))

  test('the network gives warren another address while traffic goes: the foreign peer follows', () =>
    withTunnel(Foreign, { dialler: 'warren', faults: {} }, async (tunnel) => {
      const { foreign, ours, relay } = tunnel
      await echoBothWays(tunnel)
      for (let i = 0; i < 3; i++) {
        await relay.rebind()
        await ours.ping(FOREIGN[i % 2])
        await foreign.ping(OURS[i % 2])
      }
      assert.equal(ours.device.stats().initiationsSent, 1, 'it took a handshake')
    }))

  test('what is replayed, altered or cut off from another address moves nothing', () =>
    withTunnel(Foreign, { dialler: DIALLERS[1], faults: {} }, async (tunnel) => {
      const { foreign, ours, relay } = tunnel
      await echoBothWays(tunnel)
      const { endpoint } = ours.peer
      const before = ours.device.stats()
      // An initiation, what confirmed the session, echo requests and replies.
      const recorded = [...relay.recorded]
      assert.ok(recorded.some(isInitiation))
      const elsewhere = createSocket('udp4').unref()
      const forged = recorded.flatMap((datagram) => [datagram, altered(datagram), datagram.subarray(0, -1)])
      // Numbers that were not used yet, so only the seal tells.
      forged.push(...recorded.filter(isData).map(renumbered))
      let answers = 0
      elsewhere.on('message', () => answers++)
      for (const datagram of forged) await new Promise((sent) => elsewhere.send(datagram, ours.port, '127.0.0.1', sent))
      const data = recorded.filter(isData).length
      const dropped = (name) => ours.device.stats()[name] - before[name]
      await until(() => dropped('receiveDroppedReplayed') >= data)
      await until(() => dropped('receiveDroppedUnauthenticated') >= data)
      await until(() => dropped('receiveDroppedStaleInitiation') > 0)
      // Warren speaks first: nothing genuine has come since.
      await ours.ping(FOREIGN[1])
      await foreign.ping(OURS[0])
      assert.equal(answers, 0, 'warren answered to where the forgeries came from')
      elsewhere.close()
      await wait(1_500) // a move would have been told by now
      assert.equal(ours.peer.endpoint, endpoint)
      assert.equal(ours.events.filter(({ type, from }) => type === 'moved' && from !== undefined).length, 0)
    }))
}

/** Echo from warren all the time, of which none may be lost once warren can know where the foreign peer is. */
class Traffic {
  #pings = []
  #known = Number.POSITIVE_INFINITY
  #timer

  constructor(ours) {
    this.#timer = setInterval(() => {
      const at = performance.now()
      const answered = ours.ping(FOREIGN[0], { timeout: 20_000 }).then(
        () => true,
        () => false,
      )
      this.#pings.push({ at, answered })
    }, 20)
  }

  known() {
    this.#known = performance.now()
  }

  async end() {
    clearInterval(this.#timer)
    const sent = this.#pings.filter(({ at }) => at > this.#known)
    const answered = await Promise.all(sent.map((ping) => ping.answered))
    assert.ok(answered.length > 0)
    assert.ok(
      answered.every(Boolean),
      `${answered.filter((came) => !came).length} of ${answered.length} echoes were lost after the move`,
    )
  }
}

function isInitiation(datagram) {
  return datagram[0] === 1
}

function isData(datagram) {
  return datagram[0] === 4
}

function altered(datagram) {
  const copy = Buffer.from(datagram)
  copy[copy.length - 1] ^= 1
  return copy
}

function renumbered(datagram) {
  const copy = Buffer.from(datagram)
  copy.writeUInt32LE(copy.readUInt32LE(8) + 500, 8)
  return copy
}
