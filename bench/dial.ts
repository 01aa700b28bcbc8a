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
 * Every second dial is early: its byte leaves with the QUIC handshake.
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
    const times = { first_byte: [] as number[], early_first_byte: [] as number[] }
    for (let count = 0; count < WARM_UP_DIALS + DIALS; count += 1) {
      for (const [early, list] of [
        [false, times.first_byte],
        [true, times.early_first_byte],
      ] as const) {
        const time = await dialOnce(options, peer, early)
        if (count >= WARM_UP_DIALS) list.push(time)
        await delay(PAUSE_MS)
      }
    }
    return Object.entries(times).flatMap(([metric, list]) => [
      figure(`${metric}_p50`, percentile(list, 0.5)),
      figure(`${metric}_p99`, percentile(list, 0.99)),
    ])
  },
}

function figure(metric: string, value: number): Figure {
  return { name: 'dial', metric, value, unit: 'ms' }
}

async function dialOnce({ driver }: Options, { publicKey, endpoint }: Peer, early: boolean): Promise<number> {
  const device = await Device.open({
    privateKey: PrivateKey.generate(),
    listen: { host: '127.0.0.1' },
    protocols: ['bench/1'],
    driver,
  })
  try {
    const started = performance.now()
    const connection = await device.addPeer({ publicKey, endpoint }).connect({ early })
    const stream = connection.openStream()
    stream.write('x')
    await once(stream, 'data')
    return performance.now() - started
  } finally {
    await device.close()
  }
}
