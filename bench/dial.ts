import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Device, type Peer, PrivateKey } from 'warren'
import { type Figure, percentile } from './figures.js'
import type { Options, Program } from './program.js'

const DIALS = 200
const WARM_UP_DIALS = 30
const PAUSE_MS = 5

/**
 * How long from the dial to the first echoed byte?
 *
 * Every dial comes from a device that the far end has never seen: a WireGuard handshake, the far end's `authorize`, the
 * QUIC handshake, one byte there and back on a stream. Both processes have done it before; opening a device is not counted.
 */
export const dial: Program = {
  name: 'dial',
  question: 'How long from adding a peer to the first echoed byte?',

  serve(device) {
    device.on('connection', (connection) => {
      connection.on('stream', (stream) => {
        if (stream instanceof Duplex) stream.pipe(stream)
      })
    })
    return () => undefined
  },

  async measure({ options, peer }) {
    const times: number[] = []
    for (let count = 0; count < WARM_UP_DIALS + DIALS; count += 1) {
      const time = await dialOnce(options, peer)
      if (count >= WARM_UP_DIALS) times.push(time)
      await delay(PAUSE_MS)
    }
    const figure = (metric: string, share: number): Figure => ({
      name: 'dial',
      metric,
      value: percentile(times, share),
      unit: 'ms',
    })
    return [figure('first_byte_p50', 0.5), figure('first_byte_p99', 0.99)]
  },
}

async function dialOnce({ driver }: Options, { publicKey, endpoint }: Peer): Promise<number> {
  const device = await Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    protocols: ['bench/1'],
    driver,
  })
  try {
    const started = performance.now()
    const connection = await device.addPeer({ publicKey, endpoint }).connect()
    const stream = connection.openStream()
    stream.write('x')
    await once(stream, 'data')
    return performance.now() - started
  } finally {
    await device.close()
  }
}
