// Two devices that know each other, for parts of programs that begin with a connection.

import { once } from 'node:events'
import { Device, PrivateKey } from '../../../dist/index.mjs'

const LOOPBACK = { host: '127.0.0.1' }

/** A device on loopback, which is closed after the test. */
export async function open(context, options = {}) {
  const device = await Device.open({ privateKey: PrivateKey.generate(), listen: LOOPBACK, ...options })
  context.after(() => device.close({ timeout: 0 }))
  return device
}

/** `Device` for parts of programs: what it opens is on loopback, whatever the part says, and is closed after the test. */
export function deviceOf(context) {
  return { open: (options) => open(context, { ...options, listen: LOOPBACK }) }
}

/** Two devices with a connection. */
export async function connected(context, nearOptions = {}, farOptions = {}) {
  const near = await open(context, nearOptions)
  const far = await open(context, { authorize: () => true, ...farOptions })
  const peer = near.addPeer({ publicKey: far.publicKey, endpoint: far.address })
  const [connection, [accepted]] = await Promise.all([peer.connect(), once(far, 'connection')])
  return { near, far, peer, connection, accepted }
}

/** A console that keeps its lines, and can be waited for. */
export function consoleOf() {
  const lines = []
  let heard = () => {}
  const log = (...parts) => {
    lines.push(parts.map(String).join(' '))
    heard()
  }
  const line = async (pattern) => {
    for (;;) {
      const found = lines.find((text) => pattern.test(text))
      if (found !== undefined) return found
      await new Promise((resolve) => (heard = resolve))
    }
  }
  return { log, error: log, lines, line }
}

/** A promise that is settled by the first call of a function. */
export function called() {
  let call
  const promise = new Promise((resolve) => (call = (...args) => resolve(args)))
  return [call, promise]
}

/** `AbortSignal` for parts of programs: on a busy machine no time is too long. */
export const patient = { timeout: () => new AbortController().signal }

/** A device whose peers are at this endpoint, whatever the program says: names of others are not looked up. */
export function reaching(device, endpoint) {
  const addPeer = (options) => device.addPeer({ ...options, endpoint })
  return { addPeer, on: (...args) => device.on(...args) }
}
